import assert from 'node:assert/strict';
import { createQueryApp } from '../../../api/query-app.ts';
import { toEvent, type DomainEvent } from '../../../domain/events.ts';
import { placeOrder } from '../../../domain/order.ts';
import { newId } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { orderContent, orderHistory, provenance, stories, stuckStory } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { getJson, httpDeps, type ProblemBody } from '../../support/http.ts';
import { applyEvents } from '../../support/projections.ts';

interface Page<Item> {
  readonly items: Item[];
  readonly nextCursor?: string;
}
interface CustomerItem {
  readonly customerId: string;
  readonly firstOrderAt: string;
  readonly lastOrderAt: string;
  readonly figures: Record<string, unknown>[];
}

describe('views for operators', () => {
  let database: TestDatabase;
  let server: HttpServer;
  let api: string;

  before(async () => {
    database = await createTestDatabase();
    const app = createQueryApp({
      ...httpDeps(),
      db: database.db,
      clock: { now: () => new Date('2026-03-01T12:00:00Z') },
      ui: { url: 'http://127.0.0.1:8233/', namespace: 'default' },
      freshOrderWaitMs: 0,
    });
    server = await listen(app, '127.0.0.1', 0);
    api = `http://127.0.0.1:${server.port}`;
  });
  after(async () => {
    await server.close();
    await database.drop();
  });

  const apply = (events: readonly DomainEvent[]): Promise<unknown> => applyEvents(database.db, events);

  async function allPages<Item>(path: string): Promise<Item[]> {
    const items: Item[] = [];
    let cursor: string | undefined;
    do {
      const after: string = cursor === undefined ? '' : `&cursor=${cursor}`;
      const page: Page<Item> = await getJson(api + path + after);
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    return items;
  }
  async function problemsWith(path: string): Promise<Record<string, string>> {
    const response = await fetch(api + path);
    assert.equal(response.status, 400, path);
    const { errors = [] } = (await response.json()) as ProblemBody;
    return Object.fromEntries(errors.map(({ field, message }) => [field, message]));
  }

  describe('GET /customers', () => {
    before(async () => {
      const [, ...rest] = stories.completed;
      const place = async (customerId: string, startedAt: string, currency = 'EUR'): Promise<void> => {
        const created = placeOrder({ ...orderContent, customerId, currency });
        await apply(orderHistory([created, ...rest], { startedAt }));
      };
      // "b" has as much as "c", "a" more than both and ordered before them, "d" nothing in EUR.
      await place('a', '2026-02-01T10:00:00.000Z');
      await place('a', '2026-02-02T10:00:00.000Z');
      await place('c', '2026-02-03T10:00:00.000Z');
      await place('b', '2026-02-03T10:00:00.000Z');
      await place('a', '2026-01-01T10:00:00.000Z', 'CHF');
      await place('d', '2026-02-05T10:00:00.000Z', 'CHF');
    });
    const idsOf = async (query: string): Promise<string[]> =>
      (await allPages<CustomerItem>(`/customers?${query}`)).map(({ customerId }) => customerId);

    it('shows what a customer ordered and spent, by currency, and when they did first and last', async () => {
      const sums = { open: 0, cancelled: 0, refunded: 0 };
      assert.deepEqual(await getJson(`${api}/customers/a`), {
        customerId: 'a',
        firstOrderAt: '2026-01-01T10:00:00.000Z',
        lastOrderAt: '2026-02-02T10:00:00.000Z',
        figures: [
          { currency: 'CHF', orders: 1, completed: 1, spent: 4_320, ...sums },
          { currency: 'EUR', orders: 2, completed: 2, spent: 8_640, ...sums },
        ],
      });
      for (const id of ['nobody', '%00', 'no%20id'])
        assert.equal((await fetch(`${api}/customers/${id}`)).status, 404, id);
    });

    it('lists each customer once, who ordered last first, in pages of any size', async () => {
      const all = await idsOf('limit=200');
      assert.deepEqual([all[0], all.slice(1, 3).sort(), all[3]], ['d', ['b', 'c'], 'a']);
      for (const limit of [1, 2, 3]) assert.deepEqual(await idsOf(`limit=${limit}`), all);
    });

    it('lists who has spent most in a currency first', async () => {
      for (const limit of [1, 2, 3, 200])
        assert.deepEqual(await idsOf(`sort=spent&currency=EUR&limit=${limit}`), ['a', 'b', 'c']);
      assert.deepEqual(await idsOf('sort=spent&currency=CHF&limit=1'), ['a', 'd']);
    });

    it('refuses what does not go together', async () => {
      const { nextCursor } = await getJson<Page<unknown>>(`${api}/customers?limit=1`);
      assert.match((await problemsWith('/customers?sort=spent'))['currency'] ?? '', /is required/);
      assert.match((await problemsWith('/customers?currency=EUR'))['currency'] ?? '', /leave it out/);
      assert.match((await problemsWith('/customers?sort=age'))['sort'] ?? '', /lastOrder or spent/);
      const path = `/customers?sort=spent&currency=EUR&cursor=${nextCursor ?? ''}`;
      assert.match((await problemsWith(path))['cursor'] ?? '', /another order or currency/);
      assert.match((await problemsWith('/customers?cursor=x'))['cursor'] ?? '', /nextCursor/);
    });
  });

  describe('GET /operations/inventory', () => {
    const stock = (sku: string, onHand: number, reserved: number): DomainEvent =>
      toEvent(
        { type: 'StockChanged', data: { onHand, reserved, available: onHand - reserved } },
        { id: newId(), aggregateId: sku, aggregateVersion: 1, occurredAt: new Date() },
        provenance,
      );
    before(() => apply([stock('A', 10, 3), stock('B', 5, 5), stock('C', 8, 0)]));

    it('shows what is on the shelf, reserved and available, in pages', async () => {
      const levels = [
        { sku: 'A', name: null, onHand: 10, reserved: 3, available: 7 },
        { sku: 'B', name: null, onHand: 5, reserved: 5, available: 0 },
        { sku: 'C', name: null, onHand: 8, reserved: 0, available: 8 },
      ];
      for (const limit of [1, 2, 200])
        assert.deepEqual(await allPages(`/operations/inventory?limit=${limit}`), levels);
    });

    it('shows what runs low alone', async () => {
      const low = await allPages<{ sku: string }>('/operations/inventory?below=8&limit=1');
      assert.deepEqual(
        low.map(({ sku }) => sku),
        ['A', 'B'],
      );
      for (const below of ['0', '-1', '1.5', 'few', '1e12'])
        assert.ok((await problemsWith(`/operations/inventory?below=${below}`))['below'], below);
    });
  });

  describe('GET /operations/figures', () => {
    const startedAt = '2026-03-01T10:14:58.000Z';
    before(async () => {
      const orderId = newId();
      const { stuck, settled } = stuckStory(orderId);
      const failed = { type: 'OrderCancelled', data: { reason: 'FAILED', detail: 'a bug' } } as const;
      await apply([
        ...orderHistory(stories.lost, { startedAt }),
        ...orderHistory(stories.outOfStock, { startedAt }),
        ...orderHistory([stories.completed[0], failed], { startedAt }),
        ...orderHistory([...stuck, ...settled], { orderId, startedAt }),
      ]);
    });
    interface Report {
      readonly from: string;
      readonly to: string;
      readonly total: Record<string, unknown>;
      readonly items: (Record<string, unknown> & { readonly from: string })[];
    }
    const about = (ms: number, told: unknown): void => {
      assert.ok(Math.abs(Number(told) - ms) <= ms / 10, `${String(told)} for ${ms}`);
    };

    it('tells how many sagas began and how they ended, by cause, how fast, and how long some were stuck', async () => {
      const { total, from, to } = await getJson<Report>(`${api}/operations/figures`);
      assert.deepEqual([from, to], ['2026-02-28T12:15:00.000Z', '2026-03-01T12:15:00.000Z']);
      const { completion, stuck, ...counts } = total as {
        completion: Record<string, number>;
        stuck: Record<string, unknown>[];
      };
      assert.deepEqual(counts, {
        // Of the four that ended, one was cancelled by a fault.
        orderSagas: { started: 4, completed: 1, cancelled: 3, errorRate: 0.25 },
        shipmentSagas: { started: 1, delivered: 0, refunded: 1 },
        causes: [
          { cause: 'CANCEL_REQUESTED', cancelled: 1, refunded: 0 },
          { cause: 'FAILED', cancelled: 1, refunded: 0 },
          { cause: 'OUT_OF_STOCK', cancelled: 1, refunded: 0 },
          { cause: 'PARCEL_LOST', cancelled: 0, refunded: 1 },
        ],
      });
      for (const told of Object.values(completion)) about(3_000, told);
      assert.equal(stuck.length, 1);
      const [{ cause, stuck: began, resolved, p50Ms } = {}] = stuck;
      assert.deepEqual([cause, began, resolved], ['refundPayment: PAYMENT_UNAVAILABLE', 1, 1]);
      about(1_000, p50Ms);
    });

    it('counts an event in the quarter, or the day, in which it happened', async () => {
      const { items } = await getJson<Report>(`${api}/operations/figures?from=2026-03-01&to=2026-03-01`);
      assert.deepEqual(
        items.map((item) => item.from),
        ['2026-03-01T10:00:00.000Z', '2026-03-01T10:15:00.000Z'],
      );
      assert.deepEqual(
        items.map(({ orderSagas }) => (orderSagas as { started: number }).started),
        [4, 0],
      );
      const days = await getJson<Report>(`${api}/operations/figures?by=day&from=2026-03-01&to=2026-03-01`);
      assert.deepEqual(days.items, [{ from: '2026-03-01T00:00:00.000Z', ...days.total }]);
      const nothing = await getJson<Report>(`${api}/operations/figures?from=2026-02-10&to=2026-02-10`);
      assert.deepEqual(nothing.items, []);
      assert.deepEqual(nothing.total['completion'], { p50Ms: null, p95Ms: null, p99Ms: null });
    });

    it('refuses a period that ends before it begins, is too long, or not on a quarter of an hour', async () => {
      const path = '/operations/figures?';
      assert.match((await problemsWith(`${path}from=2026-03-02&to=2026-03-01`))['from'] ?? '', /before to/);
      assert.match((await problemsWith(`${path}from=2026-02-01&to=2026-03-01`))['from'] ?? '', /3 days/);
      assert.match((await problemsWith(`${path}from=2026-03-01T00:01:00Z`))['from'] ?? '', /quarter/);
      assert.match((await problemsWith(`${path}from=0001-01-01`))['from'] ?? '', /1970/);
      assert.match(
        (await problemsWith(`${path}by=day&from=2026-03-01T00:15:00Z&to=2026-03-01`))['by'] ?? '',
        /as dates/,
      );
      assert.match((await problemsWith(`${path}from=2020-01-01&by=day`))['from'] ?? '', /366/);
    });
  });
});
