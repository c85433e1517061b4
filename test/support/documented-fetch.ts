import assert from 'node:assert/strict';
import { driftOf, operationFor } from './api-document.ts';

/**
 * `fetch`, and every answer of the two APIs is held against the OpenAPI document: status, headers, media type and body.
 * @throws AssertionError in the test that asked
 */
export const documented =
  (send: typeof fetch): typeof fetch =>
  async (input, init) => {
    const response = await send(input, init);
    const { url, method } = new Request(input, { ...init, body: null });
    // Only the routes of the APIs tell a trace; those for whoever runs a process do not.
    if (!response.headers.has('traceparent')) return response;
    const { pathname } = new URL(url);
    const operation = operationFor(method, pathname);
    if (operation) {
      // What comes without end, and files, are left to the tests that read them.
      const isJson = /^[^;]*json(;|$)/.test(response.headers.get('content-type') ?? '');
      const text = isJson ? await response.clone().text() : '';
      const answer = { status: response.status, headers: response.headers, text };
      assert.deepEqual(driftOf(operation, method, answer), [], `${method} ${pathname} answered ${text}`);
    }
    return response;
  };
