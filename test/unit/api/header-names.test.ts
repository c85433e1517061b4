import assert from 'node:assert/strict';
import { z } from 'zod';
import { contracts } from '../../../api/contracts.ts';
import { createApiDocument } from '../../../api/openapi/document.ts';
import { headerNames } from '../../../api/openapi/header-names.ts';
import { listProductsContract } from '../../../api/queries/contracts.ts';

describe('what a page of an allowed origin may send and read', () => {
  const { requests, answers } = headerNames(createApiDocument(contracts));

  it('is every header that a contract reads, and those of tokens, bodies and copies', () => {
    const read = contracts.flatMap(({ headers }) => Object.keys(headers?.shape ?? {}));
    const ofAll = ['Authorization', 'Content-Type', 'If-None-Match', 'Prefer', 'Read-Token', 'traceparent'];
    for (const name of [...read, ...ofAll, 'Last-Event-ID', 'Idempotency-Key'])
      assert.ok(requests.includes(name), name);
  });

  it('is every header that an answer of a contract has, and those of refusals', () => {
    const named = contracts.flatMap((contract) =>
      Object.values(contract.answers).flatMap(({ headers = {} }) => Object.keys(headers)),
    );
    const ofAll = [
      'Allow',
      'Cache-Control',
      'ETag',
      'Location',
      'Preference-Applied',
      'Projection-Lag',
      'RateLimit',
    ];
    const ofRefusals = ['RateLimit-Policy', 'Retry-After', 'WWW-Authenticate', 'traceparent'];
    for (const name of [...named, ...ofAll, ...ofRefusals, 'Content-Disposition', 'Read-Token'])
      assert.ok(answers.includes(name), name);
  });

  it('a header of a contract that comes later is among them', () => {
    const said = { 200: { description: 'x', body: z.object({}), headers: { 'X-New': z.string() } } };
    const later = { ...listProductsContract, headers: z.object({ 'X-Asked': z.string() }), answers: said };
    const names = headerNames(createApiDocument([later]));
    assert.ok(names.answers.includes('X-New') && names.requests.includes('X-Asked'));
  });
});
