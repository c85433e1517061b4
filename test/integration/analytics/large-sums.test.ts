import assert from 'node:assert/strict';
import { parse } from 'csv-parse/sync';
import { parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import type { OrderEvent } from '../../../domain/events.ts';
import { placeOrder } from '../../../domain/order.ts';
import { orderContent, orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { getJson } from '../../support/http.ts';
import { applyEvents } from '../../support/projections.ts';
import { serveQueryApi } from '../../support/query-api.ts';

/** The largest amount of an event. */
const LARGEST = Number.MAX_SAFE_INTEGER;
const THREE = String(3n * BigInt(LARGEST));
const DAY = '2026-01-10';

function history(customerId: string, unitPriceMinor: number, startedAt: string): OrderEvent[] {
  const [, ...rest] = stories.completed;
  const lines = [{ sku: 'GOLD', quantity: 1, unitPriceMinor }];
  return orderHistory([placeOrder({ ...orderContent, customerId, lines }), ...rest], { startedAt });
}

describe('sums of money beyond the whole numbers that JSON’s readers keep', () => {
  let database: TestDatabase;
  let api: Awaited<ReturnType<typeof serveQueryApi>>;

  before(async () => {
    database = await createTestDatabase();
    api = await serveQueryApi(database.db);
    const time = (day: string): string => `${day}T12:00:00.000Z`;
    // One page: the fold adds the three up before PostgreSQL does.
    await applyEvents(database.db, [
      ...[1, 2, 3].flatMap(() => history('rich', LARGEST, time(DAY))),
      ...history('well-off', LARGEST, time('2026-01-09')),
      ...history('poor', 1_000, time('2026-01-08')),
    ]);
  });
  after(async () => {
    await api.close();
    await database.drop();
  });

  interface Customers {
    readonly items: { customerId: string; figures: { spent: number | string }[] }[];
    readonly nextCursor?: string;
  }

  it('what a customer has spent is exact: digits as a text where a number would be rounded', async () => {
    const { items } = await getJson<Customers>(`${api.url}/customers?sort=spent&currency=EUR`);
    assert.deepEqual(
      items.map(({ customerId, figures }) => [customerId, figures[0]?.spent]),
      [
        ['rich', THREE],
        ['well-off', LARGEST],
        ['poor', 1_000],
      ],
    );
  });

  it('the list by what was spent goes on behind a sum of any size', async () => {
    const seen: string[] = [];
    let cursor = '';
    do {
      const page: Customers = await getJson(`${api.url}/customers?sort=spent&currency=EUR&limit=1${cursor}`);
      seen.push(...page.items.map(({ customerId }) => customerId));
      cursor = page.nextCursor === undefined ? '' : `&cursor=${page.nextCursor}`;
    } while (cursor !== '');
    assert.deepEqual(seen, ['rich', 'well-off', 'poor']);
  });

  const question = `from=${DAY}&to=${DAY}&by=total&compare=previous`;

  it('sales are exact in JSON, with their average and the period before', async () => {
    const { items } = await getJson<{ items: Record<string, unknown>[] }>(
      `${api.url}/analytics/sales?${question}`,
    );
    const { revenue, amount, averageOrderValue, previousRevenue, revenueChange } = items[0]!;
    assert.deepEqual(
      { revenue, amount, averageOrderValue, previousRevenue, revenueChange },
      {
        revenue: THREE,
        amount: THREE,
        averageOrderValue: LARGEST,
        previousRevenue: LARGEST,
        revenueChange: 200,
      },
    );
  });

  it('sales are exact in CSV and Parquet, whose columns stay whole numbers of 64 bits', async () => {
    const get = (format: string): Promise<Response> =>
      fetch(`${api.url}/analytics/sales?${question}&group=sku&format=${format}`);
    const [row] = parse<Record<string, string>>(await (await get('csv')).text(), { columns: true });
    assert.deepEqual([row?.['revenue'], row?.['previousRevenue']], [THREE, String(LARGEST)]);
    const bytes = await (await get('parquet')).arrayBuffer();
    const file = {
      byteLength: bytes.byteLength,
      slice: (start: number, end?: number) => Promise.resolve(bytes.slice(start, end)),
    };
    const [written] = await parquetReadObjects({ file });
    assert.equal(String(written?.['revenue']), THREE);
    const { schema } = await parquetMetadataAsync(file);
    assert.equal(schema.find(({ name }) => name === 'revenue')?.type, 'INT64');
  });
});
