import assert from 'node:assert/strict';
import { z } from 'zod';
import { requireRole } from '../../../api/auth/policy.ts';
import { roles, type Role } from '../../../api/auth/principal.ts';
import { contracts } from '../../../api/contracts.ts';

describe('contracts of the routes', () => {
  it('no two have one name, or one method and path', () => {
    for (const keys of [
      contracts.map(({ operationId }) => operationId),
      contracts.map(({ method, path }) => `${method} ${path}`),
    ]) {
      assert.deepEqual(keys, [...new Set(keys)]);
    }
  });

  it('each parameter of a path is named in the contract, and parses', () => {
    for (const { path, params } of contracts) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const shape = Object.keys(params?.shape ?? {});
      assert.deepEqual(shape, names, path);
    }
  });

  it('each command is audited, with parameters and fields that it has', () => {
    const namesIn = (schema: unknown): string[] =>
      schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
    for (const { method, operationId, audited, params, body } of contracts) {
      assert.equal(audited !== undefined, method === 'post', operationId);
      if (audited === undefined || audited === 'with its transaction') continue;
      const { orderIn, keeps } = audited;
      if (orderIn !== undefined) assert.ok(namesIn(params).includes(orderIn), `${operationId}: ${orderIn}`);
      for (const field of keeps) assert.ok(namesIn(body).includes(field), `${operationId}: ${field}`);
    }
  });

  it('each command on one order answers a Read-Token, one on many orders none', () => {
    const telling = contracts.filter(({ answers }) =>
      Object.values(answers).every(({ headers = {} }) => 'Read-Token' in headers),
    );
    const commands = ['placeOrder', 'cancelOrder', 'decideApproval', 'resolveSaga'];
    assert.deepEqual(telling.map(({ operationId }) => operationId).sort(), commands.sort());
  });

  it('whoever has one of the roles of a policy is let in, nobody else', () => {
    const isLetIn = (role: Role): boolean => {
      try {
        requireRole({ subject: 'somebody', roles: [role] }, ['operator', 'admin']);
        return true;
      } catch {
        return false;
      }
    };
    assert.deepEqual(roles.filter(isLetIn), ['operator', 'admin']);
  });
});
