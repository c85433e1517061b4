import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { freePort } from '../../../dev/servers/free-port.ts';
import { orderWorkflowId, SEARCH_ATTRIBUTES } from '../../../domain/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson, post } from '../../support/http.ts';
import { leaksInside } from '../../support/internal-text.ts';
import { place, untilEnded } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { temporalAddress } from '../../support/servers.ts';
import type { ProcessName } from '../../support/processes.ts';
import { startSystem, type System } from '../../support/system.ts';

interface Readiness {
  readonly status: string;
  readonly notReady: readonly string[];
}

const processes: readonly ProcessName[] = ['command-api', 'query-api', 'worker', 'projector'];
const order = (paymentMethod: 'pm_card_visa' | 'pm_card_declined') => ({
  customerId: 'customer-1',
  lines: [{ sku: 'COFFEE', quantity: 2 }],
  paymentMethod,
});

/** Sum of a metric's samples that carry all these labels; undefined when there is none. */
function sampleOf(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const samples = text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`))
    .filter((line) => Object.entries(labels).every(([key, value]) => line.includes(`${key}="${value}"`)))
    .map((line) => Number(line.split(' ').at(-1)));
  return samples.length === 0 ? undefined : samples.reduce((sum, value) => sum + value, 0);
}

describe('operating the processes', function () {
  this.timeout(120_000);
  let system: System;
  let completed: string;
  let cancelled: string;
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';

  before(async function () {
    this.timeout(600_000);
    system = await startSystem();
    await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 100 }]);
    const response = await post(`${system.urls['command-api']}/orders`, order('pm_card_visa'), {
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      'idempotency-key': 'operations-1',
    });
    ({ orderId: completed } = (await response.json()) as { orderId: string });
    cancelled = await place(system, order('pm_card_declined'));
    await untilEnded(system, [completed, cancelled]);
  });
  after(() => system.close());

  const metricsOf = async (name: ProcessName): Promise<string> =>
    (await fetch(`${system.urls[name]}/metrics`)).text();

  it('every process says that it is alive and ready', async () => {
    for (const name of processes) {
      const alive = await getJson<{ status: string }>(`${system.urls[name]}/healthz`);
      const ready = await getJson<Readiness>(`${system.urls[name]}/readyz`);
      assert.deepEqual([alive.status, ready.status, ready.notReady], ['ok', 'ready', []], name);
    }
  });

  it('metrics count orders, sagas, steps and requests', async () => {
    const commandApi = await metricsOf('command-api');
    assert.equal(sampleOf(commandApi, 'orders_accepted_total'), 2);
    const posts = { method: 'POST', route: '/orders', status: '202' };
    assert.equal(sampleOf(commandApi, 'http_request_duration_seconds_count', posts), 2);

    const worker = await metricsOf('worker');
    assert.equal(sampleOf(worker, 'orders_completed_total'), 1);
    assert.equal(sampleOf(worker, 'orders_cancelled_total', { reason: 'PAYMENT_DECLINED' }), 1);
    assert.equal(sampleOf(worker, 'saga_duration_seconds_count', { status: 'COMPLETED' }), 1);
    const reserved = { step: 'reserveInventory', outcome: 'ok' };
    assert.equal(sampleOf(worker, 'saga_step_duration_seconds_count', reserved), 2);
    const declined = { step: 'chargePayment', code: 'PAYMENT_DECLINED' };
    assert.equal(sampleOf(worker, 'saga_step_errors_total', declined), 1);

    const queryApi = await metricsOf('query-api');
    const gets = { method: 'GET', route: '/orders/:id', status: '200' };
    assert.ok((sampleOf(queryApi, 'http_request_duration_seconds_count', gets) ?? 0) >= 2);
  });

  it('metrics show what the relay has not published, how old the views are, and the Temporal runtime', async () => {
    // The parcel is on its way, which the outbox hears of at any time.
    const worker = await eventually(
      async () => {
        const metrics = await metricsOf('worker');
        const backlog = ['outbox_backlog_rows', 'outbox_backlog_age_seconds'];
        return backlog.every((name) => sampleOf(metrics, name) === 0) ? metrics : undefined;
      },
      { what: 'the relay says that it has published everything' },
    );
    assert.ok((sampleOf(worker, 'outbox_published_total') ?? 0) >= 8);
    assert.ok((sampleOf(worker, 'temporal_workflow_completed_total') ?? 0) >= 2);
    await eventually(
      async () => {
        const lag = sampleOf(await metricsOf('projector'), 'projection_lag_seconds');
        return (lag !== undefined && lag < 10) || undefined;
      },
      { what: 'the projector tells how old its views are' },
    );
  });

  it('a trace id that a client sends is in the logs of the worker, with the order id', async () => {
    const entries = await system.logOf('worker');
    const ended = entries.find(({ msg, orderId }) => msg === 'order ended' && orderId === completed);
    assert.equal(ended?.traceId, traceId);
  });

  it('an order can be found and read in Temporal: search attributes, summary, details', async () => {
    const connection = await Connection.connect({ address: await temporalAddress() });
    try {
      const client = new Client({ connection, namespace: system.namespace });
      const found = await eventually(
        async () => {
          const query = `${SEARCH_ATTRIBUTES.cancelReason} = 'PAYMENT_DECLINED'`;
          for await (const { workflowId } of client.workflow.list({ query })) return workflowId;
          return undefined;
        },
        { what: 'the cancelled order is listed by its reason' },
      );
      assert.equal(found, orderWorkflowId(cancelled));
      const described = await client.workflow.getHandle(orderWorkflowId(completed)).describe();
      const status = defineSearchAttributeKey(SEARCH_ATTRIBUTES.orderStatus, 'KEYWORD');
      assert.equal(described.typedSearchAttributes.get(status), 'COMPLETED');
      assert.match((await described.staticSummary()) ?? '', /1 line\(s\), .*37\.80/);
      assert.match((await described.staticDetails()) ?? '', /^- 2 × COFFEE$/);
    } finally {
      await connection.close();
    }
  });

  it('the dials make every reservation fail while the worker runs, and put it back: the order waits and completes', async () => {
    const dials = `${system.urls.worker}/dev/faults`;
    const turn = (body: object): Promise<Response> =>
      fetch(dials, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    assert.equal((await turn({ inventoryFailureRate: 2 })).status, 400);
    assert.equal((await turn({ inventoryFailureRate: 1 })).status, 200);
    const id = await place(system, order('pm_card_visa'));
    // What the SDK itself logs about a failing step goes through the same logger.
    await eventually(
      async () =>
        (await system.logOf('worker')).filter(
          ({ msg, orderId }) => msg === 'Activity failed' && orderId === id,
        ).length > 2 || undefined,
      { what: 'the reservation has failed and is repeated' },
    );
    assert.equal((await turn({ inventoryFailureRate: 0 })).status, 200);
    const [succeeded] = await untilEnded(system, [id]);
    assert.equal(succeeded?.status, 'COMPLETED');
  });

  for (const name of processes)
    it(`SIGTERM drains the ${name}, which then ends with code 0`, async () => {
      assert.equal(await system.stop(name), 0);
      const last = (await system.logOf(name)).at(-1);
      assert.equal(last?.msg, 'stopped');
    });
});

describe('operating the processes without NATS and Temporal', function () {
  this.timeout(120_000);

  it('those that need them are alive and name what is missing; the APIs are ready', async () => {
    const system = await startSystem({
      env: {
        NATS_URL: `nats://127.0.0.1:${await freePort()}`,
        TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}`,
      },
      processes: ['command-api', 'query-api'],
    });
    try {
      await Promise.all([
        system.start('worker', { until: 'alive' }),
        system.start('projector', { until: 'alive' }),
      ]);
      const missing = async (name: ProcessName): Promise<readonly string[]> => {
        const response = await fetch(`${system.urls[name]}/readyz`);
        assert.equal(response.status, 503);
        const readiness = (await response.json()) as Readiness;
        assert.deepEqual(leaksInside(readiness), [], 'anybody may read it');
        return readiness.notReady;
      };
      assert.deepEqual(await missing('worker'), ['nats', 'temporal']);
      assert.ok((await missing('projector')).includes('nats'));
    } finally {
      await system.close();
    }
  });
});
