import assert from 'node:assert/strict';
import type { Request, Response } from 'express';
import { traceIdOf, traceparentOf, traceRequests } from '../../../api/trace.ts';

/** @returns the answer to a request with this header. */
function traced(traceparent?: string): Response {
  const response = { locals: {}, set: () => response } as unknown as Response;
  traceRequests({ get: () => traceparent } as unknown as Request, response, () => undefined);
  return response;
}

describe('the trace of a request', () => {
  const given = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

  it('goes on with the caller’s, under an id of its own', () => {
    const response = traced(given);
    assert.equal(traceIdOf(response), given.split('-')[1]);
    assert.notEqual(traceparentOf(response), given);
  });

  it('begins with ids that no other request has, when the caller sends none that is valid', () => {
    const count = 2_000;
    const ids = Array.from({ length: count }, (_, n) =>
      traceparentOf(traced(n % 2 ? 'nonsense' : undefined)),
    );
    for (const id of ids) assert.match(id, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    for (const part of [1, 2]) assert.equal(new Set(ids.map((id) => id.split('-')[part])).size, count);
  });
});
