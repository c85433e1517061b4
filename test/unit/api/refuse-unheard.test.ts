import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { refuseUnheard } from '../../../api/limits/refuse-unheard.ts';
import { listen } from '../../../platform/http-server.ts';

describe('a request that is refused unheard', () => {
  it('is told to come again, under its trace, and is counted', async () => {
    const registry = new Registry();
    const server = await listen(refuseUnheard(registry), '127.0.0.1', 0);
    try {
      const response = await fetch(`http://127.0.0.1:${server.port}/orders`, {
        method: 'POST',
        body: '{}',
        headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' },
      });
      assert.equal(response.status, 503);
      assert.equal(response.headers.get('retry-after'), '1');
      assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
      const { type, traceId } = (await response.json()) as { type: string; traceId: string };
      assert.equal(type, 'urn:durable-orders:problem:overloaded');
      assert.equal(traceId, '4bf92f3577b34da6a3ce929d0e0e4736');
      assert.match(response.headers.get('traceparent') ?? '', new RegExp(`^00-${traceId}-`));
      assert.match(await registry.metrics(), /http_requests_refused_unheard_total 1/);
    } finally {
      await server.close();
    }
  });
});
