import assert from 'node:assert/strict';
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
