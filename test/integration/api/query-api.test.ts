import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { createQueryApp } from '../../../api/query-app.ts';
import type { Knex } from '../../../db/connection.ts';
import type { DomainEvent } from '../../../domain/events.ts';
import { toEvent } from '../../../domain/events.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { PARTITIONS } from '../../../domain/topology.ts';
import { renewLeases, takeLeases } from '../../../projections/leases.ts';
import { orderHistory, provenance, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { getJson, httpDeps, type ProblemBody } from '../../support/http.ts';
import { applyEvents } from '../../support/projections.ts';

interface Page {
  readonly items: { orderId: string; status: string }[];
  readonly nextCursor?: string;
}

describe('query API', () => {
  let database: TestDatabase;
  let db: Knex;
  let server: HttpServer;
  let api: string;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    const ui = { url: 'http://127.0.0.1:8233/', namespace: 'default' };
    const app = createQueryApp({
      ...httpDeps(),
      db,
      clock: systemClock,
      ui,
      freshOrderWaitMs: 300,
    });
    server = await listen(app, '127.0.0.1', 0);
    api = `http://127.0.0.1:${server.port}`;
  });
  after(async () => {
    await server.close();
    await database.drop();
  });

  const apply = (events: readonly DomainEvent[]): Promise<unknown> => applyEvents(db, events);

  async function problemOf(path: string, status: number): Promise<ProblemBody> {
    const response = await fetch(api + path);
    assert.equal(response.status, status);
    return (await response.json()) as ProblemBody;
  }

  describe('GET /orders/:id', () => {
    it('shows status, lines, totals, what happened when, and the way to the workflow', async () => {
      const orderId = newId();
      await apply(orderHistory(stories.refunded, { orderId, startedAt: '2026-03-01T10:07:00.000Z' }));
      assert.deepEqual(await getJson(`${api}/orders/${orderId}`), {
        orderId,
        customerId: 'customer-1',
        status: 'CANCELLED',
        inventory: 'RELEASED',
        payment: 'REFUNDED',
        shipment: 'NONE',
        approval: 'NONE',
        version: 6,
        currency: 'EUR',
        total: 4_320,
        lines: [
          { sku: 'COFFEE-1KG', quantity: 2, price: 1_890 },
          { sku: 'FILTER', quantity: 6, price: 90 },
        ],
        cancelReason: 'CANCEL_REQUESTED',
        cancelDetail: 'the workflow was asked to cancel',
        placedAt: '2026-03-01T10:07:00.000Z',
        updatedAt: '2026-03-01T10:07:05.000Z',
        links: {
          self: `/orders/${orderId}`,
          workflow: `http://127.0.0.1:8233/namespaces/default/workflows/order-${orderId}`,
        },
        timeline: [
          { version: 1, event: 'OrderCreated', at: '2026-03-01T10:07:00.000Z', status: 'PENDING' },
          { version: 2, event: 'InventoryReserved', at: '2026-03-01T10:07:01.000Z', status: 'RESERVED' },
          { version: 3, event: 'PaymentCharged', at: '2026-03-01T10:07:02.000Z', status: 'PAID' },
          { version: 4, event: 'PaymentRefunded', at: '2026-03-01T10:07:03.000Z' },
          { version: 5, event: 'InventoryReleased', at: '2026-03-01T10:07:04.000Z' },
          {
            version: 6,
            event: 'OrderCancelled',
            at: '2026-03-01T10:07:05.000Z',
            status: 'CANCELLED',
            detail: 'CANCEL_REQUESTED: the workflow was asked to cancel',
          },
        ],
      });
    });

    it('waits for an order that was just placed', async () => {
      const orderId = newId();
      const answer = fetch(`${api}/orders/${orderId}`);
      await pause(60);
      await apply(orderHistory(stories.completed, { orderId }));
      assert.equal((await answer).status, 200);
    });

    it('says 404 when it does not come in time, and at once for an id from long ago or none of ours', async () => {
      const fresh = performance.now();
      await problemOf(`/orders/${newId()}`, 404);
      assert.ok(performance.now() - fresh >= 300, 'it waited');
      for (const id of ['0188f1a0-0000-7000-8000-000000000000', 'no-uuid']) {
        const problem = await problemOf(`/orders/${id}`, 404);
        assert.equal(problem.type, 'urn:durable-orders:problem:not-found');
      }
    });
  });

  describe('GET /orders', () => {
    const customerId = 'lister';
    const placed: string[] = [];

    before(async () => {
      const [created, ...rest] = stories.completed;
      const own = { ...created, data: { ...created.data, customerId } };
      for (let n = 0; n < 7; n++) {
        // Two share a time, so that only the id tells them apart.
        const startedAt = `2026-02-01T10:00:0${n - (n % 2)}.000Z`;
        const orderId = newId();
        placed.push(orderId);
        await apply(orderHistory(n < 5 ? [own, ...rest] : [own], { orderId, startedAt }));
      }
    });

    it('walks all orders newest first, each once, also while new ones come in', async () => {
      const walked: string[] = [];
      let cursor = '';
      do {
        const page: Page = await getJson(`${api}/orders?customerId=${customerId}&limit=2${cursor}`);
        assert.ok(page.items.length <= 2);
        walked.push(...page.items.map(({ orderId }) => orderId));
        cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`;
        await apply(orderHistory([stories.completed[0]]));
      } while (cursor !== '');
      assert.deepEqual(new Set(walked), new Set(placed));
      assert.equal(walked.length, placed.length);
      assert.equal(walked[0], placed[6]);
    });

    it('filters by status', async () => {
      const { items }: Page = await getJson(`${api}/orders?customerId=${customerId}&status=PENDING`);
      assert.deepEqual(new Set(items.map(({ orderId }) => orderId)), new Set(placed.slice(5)));
    });

    it('names each parameter that cannot be used', async () => {
      const problem = await problemOf('/orders?status=LOST&limit=0&cursor=abc&page=2', 400);
      assert.deepEqual(problem.errors?.map(({ field }) => field).sort(), [
        'cursor',
        'limit',
        'page',
        'status',
      ]);
    });
  });

  it('GET /products lists name, price and what the next order can take', async () => {
    const at = (sku: string, version: number) => ({
      id: newId(),
      aggregateId: sku,
      aggregateVersion: version,
      occurredAt: new Date(),
    });
    const listed = { name: 'Kettle', priceMinor: 6_450, currency: 'EUR' };
    await apply([
      toEvent(
        { type: 'StockChanged', data: { onHand: 5, reserved: 2, available: 3 } },
        at('KETTLE', 2),
        provenance,
      ),
      toEvent(
        { type: 'StockChanged', data: { onHand: 5, reserved: 0, available: 5 } },
        at('KETTLE', 1),
        provenance,
      ),
      toEvent({ type: 'ProductListed', data: listed }, at('KETTLE', 1), provenance),
      toEvent(
        { type: 'StockChanged', data: { onHand: 1, reserved: 0, available: 1 } },
        at('NEVER-LISTED', 1),
        provenance,
      ),
    ]);
    assert.deepEqual(await getJson(`${api}/products`), {
      items: [{ sku: 'KETTLE', name: 'Kettle', price: 6_450, currency: 'EUR', available: 3 }],
    });
  });

  it('tells how old the views are, or that it is not known', async () => {
    const lagOf = async (): Promise<string | null> =>
      (await fetch(`${api}/products`)).headers.get('projection-lag');
    assert.equal(await lagOf(), 'unknown');
    const [first, ...others] = await takeLeases(db, 'test', PARTITIONS);
    assert.ok(first);
    await renewLeases(db, 'test', others, new Date());
    assert.equal(await lagOf(), 'unknown');
    await renewLeases(db, 'test', [first], new Date(Date.now() - 5_000));
    const lag = Number(await lagOf());
    assert.ok(lag >= 5 && lag < 30, `${lag} s`);
  });

  it('takes GET and HEAD only', async () => {
    assert.equal((await fetch(`${api}/products`, { method: 'HEAD' })).status, 200);
    const response = await fetch(`${api}/products`, { method: 'DELETE' });
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD']);
  });
});
