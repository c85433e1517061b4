import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { OrderEvent } from '../../../domain/events.ts';
import { applyOrderEvent, type OrderSummary } from '../../../projections/order-summary.ts';
import { bucketOf, salesDifference, salesOf, type SalesRow } from '../../../projections/sales.ts';
import { orderHistory, stories } from '../../support/builders.ts';

/** The sales table, as differences add up in it. */
class SalesTable {
  readonly rows = new Map<string, SalesRow>();
  add(difference: readonly SalesRow[]): void {
    for (const row of difference) {
      const key = `${row.bucket} ${row.sku ?? ''} ${row.currency}`;
      const before = this.rows.get(key);
      const sum = Object.fromEntries(
        Object.entries(row).map(([name, value]: [string, unknown]) => [
          name,
          typeof value === 'number' ? value + Number(before?.[name as keyof SalesRow] ?? 0) : value,
        ]),
      );
      this.rows.set(key, sum as unknown as SalesRow);
    }
  }
}

/** Applies events page by page, as the projector does. */
function project(pages: readonly (readonly OrderEvent[])[]): SalesTable {
  const orders = new Map<string, OrderSummary>();
  const table = new SalesTable();
  for (const page of pages) {
    const before = new Map(orders);
    for (const event of page)
      orders.set(event.aggregateId, applyOrderEvent(orders.get(event.aggregateId), event));
    table.add(
      salesDifference([...orders.values()].map((after) => ({ before: before.get(after.orderId), after }))),
    );
  }
  return table;
}

describe('sales', () => {
  it('a completed order counts once in the total and once per product, with its revenue', () => {
    const { rows } = project([orderHistory(stories.completed)]);
    const bucket = '2026-03-01T10:00:00.000Z';
    const shared = { bucket, currency: 'EUR', orders: 1, completed: 1, cancelled: 0, refunded: 0 };
    assert.deepEqual(
      [...rows.values()],
      [
        { ...shared, sku: null, quantitySold: 8, revenueMinor: 4_320 },
        { ...shared, sku: 'COFFEE-1KG', quantitySold: 2, revenueMinor: 3_780 },
        { ...shared, sku: 'FILTER', quantitySold: 6, revenueMinor: 540 },
      ],
    );
  });

  it('a cancelled order counts as cancelled and brings no revenue', () => {
    const rows = [...project([orderHistory(stories.refunded)]).rows.values()];
    assert.deepEqual(
      new Set(rows.map(({ cancelled, revenueMinor }) => [cancelled, revenueMinor].join())),
      new Set(['1,0']),
    );
  });

  it('an order on its way is sold; one that got lost counts as refunded and its revenue is taken back', () => {
    const total = (story: (typeof stories)['delivered' | 'lost']): (number | undefined)[] => {
      const [row] = [...project([orderHistory(story)]).rows.values()];
      return [row?.completed, row?.refunded, row?.quantitySold, row?.revenueMinor];
    };
    assert.deepEqual(total(stories.delivered), [1, 0, 8, 4_320]);
    assert.deepEqual(total(stories.lost), [0, 1, 0, 0]);
  });

  it('buckets are quarters of an hour in UTC', () => {
    assert.equal(bucketOf('2026-03-01T10:14:59.999Z'), '2026-03-01T10:00:00.000Z');
    assert.equal(bucketOf('2026-03-01T10:15:00.000Z'), '2026-03-01T10:15:00.000Z');
  });

  it('the same events in any pages, each page delivered once or twice, add up to the same sales', () => {
    const story = fc.constantFrom(...Object.values(stories));
    const start = fc
      .integer({ min: 0, max: 200 })
      .map((minutes) => new Date(Date.UTC(2026, 2, 1, 9, minutes)).toISOString());
    const scenario = fc.array(fc.tuple(story, start), { minLength: 1, maxLength: 6 }).chain((orders) => {
      const events = orders
        .map(([facts, startedAt]) => orderHistory(facts, { startedAt }))
        .flat()
        .sort((a, b) => a.aggregateVersion - b.aggregateVersion);
      return fc.record({
        events: fc.constant(events),
        cuts: fc.array(fc.boolean(), { minLength: events.length, maxLength: events.length }),
        repeats: fc.array(fc.boolean(), { minLength: events.length, maxLength: events.length }),
      });
    });
    fc.assert(
      fc.property(scenario, ({ events, cuts, repeats }) => {
        const pages: OrderEvent[][] = [[]];
        events.forEach((event, index) => {
          if (cuts[index]) pages.push([]);
          pages.at(-1)?.push(event);
        });
        const delivered = pages.flatMap((page, index) => (repeats[index] ? [page, page] : [page]));
        const summaries = [...new Set(events.map(({ aggregateId }) => aggregateId))].map((id) =>
          events
            .filter(({ aggregateId }) => aggregateId === id)
            .reduce<OrderSummary | undefined>(applyOrderEvent, undefined),
        );
        const expected = new SalesTable();
        for (const summary of summaries) expected.add(salesOf(summary));
        assert.deepEqual(new Map([...project(delivered).rows].sort()), new Map([...expected.rows].sort()));
      }),
    );
  });
});
