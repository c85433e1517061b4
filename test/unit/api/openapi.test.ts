import assert from 'node:assert/strict';
import { Validator } from '@seriousme/openapi-schema-validator';
import { roles } from '../../../api/auth/principal.ts';
import { contracts } from '../../../api/contracts.ts';
import { createApiDocument } from '../../../api/openapi/document.ts';
import { problemTypeOf } from '../../../api/problems.ts';
import { problemSections } from '../../../dev/problem-docs.ts';
import { requestErrors } from '../../../domain/errors.ts';
import { driftOf, operationFor, operationsOf, type WireAnswer } from '../../support/api-document.ts';

describe('the OpenAPI document', () => {
  const document = createApiDocument(contracts);
  const operations = operationsOf(document);

  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(
      JSON.parse(JSON.stringify(document)) as Record<string, unknown>,
    );
    assert.ok(result.valid, JSON.stringify(result.valid ? '' : result.errors));
  });

  it('has every route with the roles that are let in, and none that lets in everybody', () => {
    assert.deepEqual(
      operations.map(({ operationId }) => operationId).sort(),
      contracts.map(({ operationId }) => operationId).sort(),
    );
    for (const { operationId, roles: letIn } of operations) {
      assert.ok(letIn.length > 0, `${operationId} says who is let in`);
      for (const role of letIn)
        assert.ok((roles as readonly string[]).includes(role), `${operationId}: ${role}`);
    }
  });

  it('says of each route that a customer takes whether it is about their own orders', () => {
    const forCustomers = operations.filter((one) => one.roles.includes('customer') && !one.ownOrders);
    assert.deepEqual(
      forCustomers.map(({ operationId }) => operationId),
      ['listProducts'],
    );
  });

  it('names every type of problem that a route may answer with, and no other', () => {
    const text = JSON.stringify(document.components?.responses);
    const named = new Set([...text.matchAll(/urn:durable-orders:problem:[a-z-]+/g)].map(([type]) => type));
    const aboutNoRoute = problemTypeOf('METHOD_NOT_ALLOWED');
    assert.deepEqual([...named, aboutNoRoute].sort(), requestErrors.map(problemTypeOf).sort());
  });

  it('tells what is sent, not what it becomes', () => {
    const { parameters } = document.paths?.['/orders']?.get ?? {};
    const limit = parameters?.find((one) => 'name' in one && one.name === 'limit');
    assert.deepEqual(limit, {
      in: 'query',
      name: 'limit',
      schema: { type: 'integer', minimum: 1, maximum: 200, default: 50 },
    });
  });
});

describe('an answer that is not as the document says', () => {
  const problem = {
    type: 'urn:durable-orders:problem:not-found',
    title: 'Not found',
    status: 404,
    detail: 'there is no order',
    traceId: '0af7651916cd43dd8448eb211c80319c',
  };
  const answer = (body: object, changes: Partial<WireAnswer> = {}): WireAnswer => ({
    status: 404,
    headers: new Headers({ 'content-type': 'application/problem+json', traceparent: '00' }),
    text: JSON.stringify(body),
    ...changes,
  });
  const showOrder = operationFor('GET', '/orders/1');
  const drift = (given: WireAnswer): string => (showOrder ? driftOf(showOrder, 'GET', given).join() : '');

  it('is told from one that is', () => {
    assert.equal(drift(answer(problem)), '');
  });

  const cases: readonly [what: string, given: WireAnswer, drift: RegExp][] = [
    ['a status', answer(problem, { status: 418 }), /418 is not in the document/],
    [
      'a header',
      answer(problem, { headers: new Headers({ 'content-type': 'application/problem+json' }) }),
      /traceparent is missing/,
    ],
    [
      'a media type',
      answer(problem, { headers: new Headers({ 'content-type': 'text/html', traceparent: '' }) }),
      /text\/html/,
    ],
    ['null for absent', answer({ ...problem, detail: null }), /\/detail must be string/],
    ['a field more', answer({ ...problem, code: 'X' }), /additional properties/],
    ['a field less', answer({ ...problem, traceId: undefined }), /'traceId'/],
    [
      'a problem of another route',
      answer({ ...problem, type: problemTypeOf('NOT_STUCK') }),
      /\/type must be equal/,
    ],
  ];
  for (const [what, given, expected] of cases)
    it(`is found by ${what}`, () => {
      assert.match(drift(given), expected);
    });
});

describe('docs/problems.md', () => {
  it('has a section for each problem, with its type and status', () => {
    const headings = [...problemSections().matchAll(/^### (.+)$/gm)].map(([, type]) => type ?? '');
    assert.deepEqual(
      headings.toSorted(),
      requestErrors.map((code) => problemTypeOf(code).split(':').at(-1) ?? '').toSorted(),
    );
    assert.match(problemSections(), /problem:overloaded` – \*\*503\*\* with `Retry-After: 1`: Too many/);
  });
});
