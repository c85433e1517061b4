import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Knex } from '../../../db/connection.ts';
import { orderStatuses } from '../../../domain/order.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { getJson, type ProblemBody } from '../../support/http.ts';
import { serveQueryApi } from '../../support/query-api.ts';
import { addSales, type Sold } from '../../support/sales-rows.ts';

type Item = Readonly<Record<string, string | number | null>>;

const coffee = { sku: 'COFFEE-1KG', quantity: 2, unitPriceMinor: 1_890 };
const filter = { sku: 'FILTER', quantity: 6, unitPriceMinor: 90 };
const order = (placedAt: string, status: Sold['status'] = 'COMPLETED', more: Partial<Sold> = {}): Sold => ({
  placedAt,
  status,
  currency: 'EUR',
  lines: [coffee, filter],
  ...more,
});

describe('GET /analytics/sales', () => {
  let database: TestDatabase;
  let db: Knex;
  let api: Awaited<ReturnType<typeof serveQueryApi>>;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    api = await serveQueryApi(db);
  });
  beforeEach(() => db('read.sales').delete());
  after(async () => {
    await api.close();
    await database.drop();
  });

  const sales = async (query: string): Promise<readonly Item[]> =>
    (await getJson<{ items: Item[] }>(`${api.url}/analytics/sales?${query}`)).items;

  async function refusal(query: string): Promise<ProblemBody['errors']> {
    const response = await fetch(`${api.url}/analytics/sales?${query}`);
    assert.equal(response.status, 400, query);
    return ((await response.json()) as ProblemBody).errors;
  }

  const one = {
    ...{ currency: 'EUR', orders: 1, completed: 1, cancelled: 0, refunded: 0, quantity: 8 },
    ...{ revenue: 4_320, amount: 4_320, averageOrderValue: 4_320, cancellationRate: 0, refundRate: 0 },
  };

  it('sums the orders of each day', async () => {
    await addSales(db, [
      order('2026-01-10T23:50:00Z'),
      order('2026-01-11T00:10:00Z', 'DELIVERED'),
      order('2026-01-11T12:00:00Z', 'CANCELLED'),
      order('2026-01-12T00:00:00Z'),
    ]);
    assert.deepEqual(await sales('from=2026-01-10&to=2026-01-11'), [
      { day: '2026-01-10', ...one },
      { day: '2026-01-11', ...one, orders: 2, cancelled: 1, amount: 8_640, cancellationRate: 0.5 },
    ]);
  });

  it('by product an order counts once for each product in it, with that line alone', async () => {
    await addSales(db, [order('2026-01-10T12:00:00Z'), order('2026-01-11T12:00:00Z', 'REFUNDED')]);
    const both = {
      ...{ currency: 'EUR', orders: 2, completed: 1, cancelled: 0, refunded: 1 },
      ...{ cancellationRate: 0, refundRate: 0.5 },
    };
    const byProduct = [
      { sku: 'COFFEE-1KG', ...both, quantity: 2, revenue: 3_780, amount: 7_560, averageOrderValue: 3_780 },
      { sku: 'FILTER', ...both, quantity: 6, revenue: 540, amount: 1_080, averageOrderValue: 540 },
    ];
    assert.deepEqual(await sales('from=2026-01-10&to=2026-01-11&by=total&group=sku'), byProduct);
    assert.deepEqual(await sales('from=2026-01-10&to=2026-01-11&by=sku'), byProduct);
    const { sku: _sku, ...filters } = byProduct[1]!;
    assert.deepEqual(await sales('from=2026-01-10&to=2026-01-11&by=total&sku=FILTER'), [filters]);
  });

  it('by status tells what became of the money', async () => {
    await addSales(db, [order('2026-01-10T12:00:00Z', 'PAID'), order('2026-01-10T12:00:00Z', 'SHIPPED')]);
    const items = await sales('from=2026-01-10&to=2026-01-10&by=total&group=status');
    assert.deepEqual(
      items.map(({ status, orders, revenue, amount }) => ({ status, orders, revenue, amount })),
      [
        { status: 'PAID', orders: 1, revenue: 0, amount: 4_320 },
        { status: 'SHIPPED', orders: 1, revenue: 4_320, amount: 4_320 },
      ],
    );
    assert.deepEqual(await sales('from=2026-01-10&to=2026-01-10&by=total&status=SHIPPED'), [one]);
  });

  it('weeks are those of ISO 8601, named by their Monday, and months by their first day', async () => {
    await addSales(db, [
      order('2025-12-28T23:59:00Z'),
      order('2025-12-29T00:00:00Z'),
      order('2026-01-04T23:59:00Z'),
      order('2026-01-05T00:00:00Z'),
    ]);
    const orders = async (by: 'week' | 'month'): Promise<unknown[]> =>
      (await sales(`from=2025-12-01&to=2026-01-31&by=${by}`)).map((item) => [item[by], item['orders']]);
    assert.deepEqual(await orders('week'), [
      ['2025-12-22', 1],
      ['2025-12-29', 2],
      ['2026-01-05', 1],
    ]);
    assert.deepEqual(await orders('month'), [
      ['2025-12-01', 2],
      ['2026-01-01', 2],
    ]);
  });

  it('rows whose figures are all zero are no sales', async () => {
    await addSales(db, [order('2026-01-10T12:00:00Z')]);
    await db('read.sales').update({ orders: 0, quantity: 0, amount_minor: 0 });
    assert.deepEqual(await sales('from=2026-01-10&to=2026-01-10'), []);
  });

  it('with fill there is a row for each day and currency, in any case', async () => {
    await addSales(db, [
      order('2026-03-28T12:00:00Z'),
      order('2026-03-30T12:00:00Z', 'COMPLETED', { currency: 'USD' }),
    ]);
    const query = 'from=2026-03-28&to=2026-03-30&fill=true&timeZone=Europe/Berlin';
    assert.deepEqual(
      (await sales(query)).map(({ day, currency, orders }) => [day, currency, orders]),
      ['28', '29', '30'].flatMap((day) => [
        [`2026-03-${day}`, 'EUR', day === '28' ? 1 : 0],
        [`2026-03-${day}`, 'USD', day === '30' ? 1 : 0],
      ]),
    );
    assert.deepEqual(await sales('from=2026-05-01&to=2026-05-30&fill=true'), []);
  });

  it('one sale in a far future does not make a question about all times cost more than it may', async () => {
    await addSales(db, [order('2026-01-10T12:00:00Z'), order('2999-06-01T12:00:00Z')]);
    const ever = 'from=1970-01-01&to=2999-12-31';
    for (const more of ['', '&by=total', '&by=month&compare=previous', '&format=csv'])
      assert.match(
        (await refusal(ever + more))?.[0]?.message ?? '',
        /at most 40000 days before to: there are sales from 2026-01-10 to 2999-06-01/,
      );
    assert.equal((await sales('from=1970-01-01&to=2026-12-31&by=total')).length, 1);
    assert.equal((await refusal(`${ever}&fill=true`))?.[0]?.field, 'fill');
    await db('read.sales').where('bucket', '>', '2900-01-01').delete();
    assert.equal((await sales(ever)).length, 1);
  });

  describe('beside the period before', () => {
    it('each figure has that of as many days before, and its change where there is one', async () => {
      await addSales(db, [
        order('2026-01-10T12:00:00Z', 'CANCELLED'),
        order('2026-01-12T12:00:00Z'),
        order('2026-01-12T12:00:00Z'),
        order('2026-01-09T12:00:00Z', 'DELIVERED', { lines: [coffee] }),
        order('2026-01-07T12:00:00Z'),
        order('2026-01-06T12:00:00Z'),
      ]);
      const items = await sales('from=2026-01-10&to=2026-01-12&compare=previous');
      // Nothing on the 11th, nor on the 8th; the 6th is before both periods.
      assert.deepEqual(
        items.map(({ day }) => day),
        ['2026-01-10', '2026-01-12'],
      );
      const [cancelled, sold] = items;
      assert.equal(cancelled?.['previousRevenue'], 4_320);
      assert.equal(cancelled['revenueChange'], -100);
      assert.equal(cancelled['averageOrderValueChange'], null, 'nothing was sold');
      assert.equal(cancelled['previousCancellationRate'], 0);
      assert.equal(sold?.['orders'], 2);
      assert.equal(sold['ordersChange'], 100);
      assert.equal(sold['previousRevenue'], 3_780);
      assert.equal(sold['revenueChange'], 128.57);
      assert.equal(sold['cancelledChange'], null, 'nothing was cancelled before');
    });

    it('months are compared with as many months, however long they are', async () => {
      await addSales(db, [
        order('2026-02-28T12:00:00Z'),
        order('2026-01-31T12:00:00Z'),
        order('2026-03-31T12:00:00Z'),
        order('2026-04-01T12:00:00Z', 'COMPLETED', { lines: [coffee] }),
        order('2025-12-31T12:00:00Z'),
      ]);
      const items = await sales('from=2026-03-01&to=2026-04-30&by=month&compare=previous');
      assert.deepEqual(
        items.map(({ month, revenue, previousRevenue, revenueChange }) => [
          month,
          revenue,
          previousRevenue,
          revenueChange,
        ]),
        [
          ['2026-03-01', 4_320, 4_320, 0],
          ['2026-04-01', 3_780, 4_320, -12.5],
        ],
      );
    });

    it('weeks and months have to be whole, and days without a time', async () => {
      assert.deepEqual(await refusal('from=2026-01-06&to=2026-01-11&by=week&compare=previous'), [
        { field: 'from', message: 'must be a Monday to be compared' },
      ]);
      assert.deepEqual(await refusal('from=2026-01-01&to=2026-01-30&by=month&compare=previous'), [
        { field: 'to', message: 'must be the last day of a month to be compared' },
      ]);
      assert.deepEqual(await refusal('from=2026-01-01T00:00:00Z&compare=previous'), [
        { field: 'from', message: 'must be a date, without a time, to be compared' },
      ]);
      for (const by of ['day', 'week', 'month', 'total'])
        assert.deepEqual(
          await sales(`by=${by}&compare=previous`),
          [],
          'what is asked without dates is whole',
        );
    });
  });

  describe('in a time zone', () => {
    const days = async (query: string): Promise<unknown[]> =>
      (await sales(query)).map(({ day, orders }) => [day, orders]);

    it('days are those of the zone, also where it is off by 45 minutes', async () => {
      await addSales(db, [order('2026-01-10T18:14:59Z'), order('2026-01-10T18:15:00Z')]);
      assert.deepEqual(await days('from=2026-01-10&to=2026-01-11&timeZone=Asia/Kathmandu'), [
        ['2026-01-10', 1],
        ['2026-01-11', 1],
      ]);
      assert.deepEqual(await days('from=2026-01-10&to=2026-01-11'), [['2026-01-10', 2]]);
    });

    it('a day of 23 or 25 hours has them all, and no others', async () => {
      await addSales(db, [
        ...['2026-03-28T23:00:00Z', '2026-03-29T21:45:00Z', '2026-03-29T22:00:00Z'].map((at) => order(at)),
        ...['2026-10-24T22:00:00Z', '2026-10-25T22:45:00Z', '2026-10-25T23:00:00Z'].map((at) => order(at)),
      ]);
      const of = (day: string): Promise<unknown[]> => days(`from=${day}&to=${day}&timeZone=Europe/Berlin`);
      assert.deepEqual(await of('2026-03-29'), [['2026-03-29', 2]]);
      assert.deepEqual(await of('2026-10-25'), [['2026-10-25', 2]]);
    });

    it('a midnight that comes twice, or never, belongs to the day that begins', async () => {
      // Havana goes back from 1:00 to 0:00, and forward from 0:00 to 1:00.
      await addSales(db, [
        ...['2026-11-01T03:45:00Z', '2026-11-01T04:00:00Z', '2026-11-01T05:00:00Z'].map((at) => order(at)),
        ...['2026-03-08T04:45:00Z', '2026-03-08T05:00:00Z'].map((at) => order(at)),
      ]);
      const zone = 'timeZone=America/Havana';
      assert.deepEqual(await days(`from=2026-11-01&to=2026-11-01&${zone}`), [['2026-11-01', 2]]);
      assert.deepEqual(await days(`from=2026-03-08&to=2026-03-08&${zone}`), [['2026-03-08', 1]]);
    });

    it('one that there is not is named, as are abbreviations', async () => {
      for (const zone of ['Europe/Atlantis', 'CET', '%2B02:00', 'Europe/Berlin;'])
        assert.deepEqual(await refusal(`timeZone=${zone}`), [
          {
            field: 'timeZone',
            message: 'must be a time zone of the IANA database such as Europe/Berlin, or UTC',
          },
        ]);
    });

    it('whatever the orders, zone and question, the sums are those of the orders themselves', async () => {
      const zones = ['UTC', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/Havana', 'Pacific/Apia'];
      const sold = fc.record({
        placedAt: fc
          .date({
            min: new Date('2026-02-20T00:00:00Z'),
            max: new Date('2026-04-12T00:00:00Z'),
            noInvalidDate: true,
          })
          .map((date) => date.toISOString()),
        status: fc.constantFrom(...orderStatuses),
        currency: fc.constantFrom('EUR', 'JPY'),
        lines: fc.uniqueArray(
          fc.record({
            sku: fc.constantFrom('COFFEE-1KG', 'FILTER', 'KETTLE'),
            quantity: fc.integer({ min: 1, max: 9 }),
            unitPriceMinor: fc.integer({ min: 0, max: 5_000 }),
          }),
          { selector: ({ sku }) => sku, minLength: 1 },
        ),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.array(sold, { maxLength: 25 }),
          fc.constantFrom(...zones),
          fc.constantFrom('day', 'week', 'month', 'total'),
          fc.constantFrom('none', 'sku', 'status'),
          async (orders, timeZone, by, group) => {
            await db('read.sales').delete();
            await addSales(db, orders);
            const query = new URLSearchParams({ from: '2026-03-01', to: '2026-03-31', timeZone, by, group });
            assert.deepEqual(
              (await sales(query.toString())).map((item) => JSON.stringify(plain(item, by, group))).sort(),
              naive(orders, timeZone, by, group),
            );
          },
        ),
        { numRuns: 40 },
      );
    });
  });

  it('each field that cannot be used is named with what would do', async () => {
    const fields = async (query: string): Promise<string[]> =>
      ((await refusal(query)) ?? []).map(({ field }) => field).sort();
    assert.deepEqual(
      await fields('by=year&group=all&sku=no&status=GONE&compare=next&fill=1&format=xml&x=1'),
      [...['by', 'compare', 'fill', 'format', 'group', 'sku', 'status', 'x']],
    );
    assert.deepEqual(await fields('from=2026-01-11&to=2026-01-10'), ['from']);
    assert.deepEqual(await fields('from=2026-01-10T12:10:00Z'), ['from']);
    assert.deepEqual(await fields('to=9999-12-31'), ['to']);
    assert.deepEqual(await fields('by=sku&group=status'), ['group']);
  });
});

const plain = (item: Item, by: string, group: string): unknown[] =>
  [
    by,
    group,
    'currency',
    'orders',
    'completed',
    'cancelled',
    'refunded',
    'quantity',
    'revenue',
    'amount',
  ].map((name) => item[name] ?? null);

/** The same, by going through the orders one by one. */
function naive(orders: readonly Sold[], timeZone: string, by: string, group: string): string[] {
  const sums = new Map<string, number[]>();
  for (const { placedAt, status, currency, lines } of orders) {
    const day = new Intl.DateTimeFormat('sv-SE', { timeZone }).format(
      new Date(Math.floor(Date.parse(placedAt) / 900_000) * 900_000),
    );
    if (!day.startsWith('2026-03')) continue;
    const monday = new Date(`${day}T00:00:00Z`);
    monday.setUTCDate(monday.getUTCDate() - ((monday.getUTCDay() + 6) % 7));
    const label = {
      day,
      week: monday.toISOString().slice(0, 10),
      month: `${day.slice(0, 7)}-01`,
      total: null,
    }[by];
    const isSold = ['COMPLETED', 'SHIPPED', 'DELIVERED'].includes(status) ? 1 : 0;
    for (const part of group === 'sku' ? lines.map((line) => [line]) : [lines]) {
      const keys = { none: null, sku: part[0]!.sku, status };
      const key = JSON.stringify([label, keys[group as keyof typeof keys], currency]);
      const pieces = part.reduce((sum, { quantity }) => sum + quantity, 0);
      const money = part.reduce((sum, { quantity, unitPriceMinor }) => sum + quantity * unitPriceMinor, 0);
      const added = [1, isSold, +(status === 'CANCELLED'), +(status === 'REFUNDED')];
      const before = sums.get(key) ?? [0, 0, 0, 0, 0, 0, 0];
      sums.set(
        key,
        [...added, pieces * isSold, money * isSold, money].map((figure, index) => figure + before[index]!),
      );
    }
  }
  return [...sums]
    .map(([key, figures]) => JSON.stringify([...(JSON.parse(key) as unknown[]), ...figures]))
    .sort();
}
