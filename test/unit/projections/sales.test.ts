import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { OrderEvent } from '../../../domain/events.ts';
import { sales } from '../../../projections/sales.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { tablesAfter } from '../../support/projections.ts';

const allAfter = (...pages: readonly (readonly OrderEvent[])[]): Record<string, unknown>[] =>
  tablesAfter(sales, ...pages)['sales'] ?? [];
const salesAfter = (...pages: readonly (readonly OrderEvent[])[]): Record<string, unknown>[] =>
  allAfter(...pages)
    .filter(({ grain }) => grain === 15)
    .map(({ grain: _grain, ...row }) => row);

describe('sales', () => {
  it('an order counts once as a whole and once per product, with its pieces and its money', () => {
    const shared = { bucket: '2026-03-01T10:00:00.000Z', currency: 'EUR', status: 'COMPLETED', orders: 1 };
    assert.deepEqual(salesAfter(orderHistory(stories.completed)), [
      { ...shared, sku: '', quantity: 8, amountMinor: 4_320 },
      { ...shared, sku: 'COFFEE-1KG', quantity: 2, amountMinor: 3_780 },
      { ...shared, sku: 'FILTER', quantity: 6, amountMinor: 540 },
    ]);
  });

  it('an order counts under the status that it has, and no more under the one that it had', () => {
    const statusesOf = (story: (typeof stories)[keyof typeof stories]): Set<unknown> =>
      new Set(salesAfter(...orderHistory(story).map((event) => [event])).map(({ status }) => status));
    assert.deepEqual(statusesOf(stories.refunded), new Set(['CANCELLED']));
    assert.deepEqual(statusesOf(stories.delivered), new Set(['DELIVERED']));
    assert.deepEqual(statusesOf(stories.lost), new Set(['REFUNDED']));
  });

  it('an order counts in the quarter of an hour, in UTC, in which it was placed', () => {
    const bucketsOf = (startedAt: string): Set<unknown> =>
      new Set(salesAfter(orderHistory(stories.completed, { startedAt })).map(({ bucket }) => bucket));
    assert.deepEqual(bucketsOf('2026-03-01T10:14:59.999Z'), new Set(['2026-03-01T10:00:00.000Z']));
    assert.deepEqual(bucketsOf('2026-03-01T10:15:00.000Z'), new Set(['2026-03-01T10:15:00.000Z']));
  });

  it('an order counts in wider buckets as well, as a whole in each, by its lines in days', () => {
    const events = orderHistory(stories.completed, { startedAt: '2026-03-01T10:15:00.000Z' });
    assert.deepEqual(
      allAfter(...events.map((event) => [event])).map(({ grain, bucket, sku, orders }) => [
        grain,
        bucket,
        sku,
        orders,
      ]),
      [
        [1_440, '2026-03-01T00:00:00.000Z', '', 1],
        [1_440, '2026-03-01T00:00:00.000Z', 'COFFEE-1KG', 1],
        [1_440, '2026-03-01T00:00:00.000Z', 'FILTER', 1],
        [15, '2026-03-01T10:15:00.000Z', '', 1],
        [15, '2026-03-01T10:15:00.000Z', 'COFFEE-1KG', 1],
        [15, '2026-03-01T10:15:00.000Z', 'FILTER', 1],
        [360, '2026-03-01T06:00:00.000Z', '', 1],
        [60, '2026-03-01T10:00:00.000Z', '', 1],
      ],
    );
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
        const total = sum(salesAfter(...delivered).filter(({ sku }) => sku === ''));
        assert.deepEqual(salesAfter(...delivered), salesAfter(events));
        assert.equal(total, new Set(events.map(({ aggregateId }) => aggregateId)).size);
      }),
    );
  });
});

const sum = (rows: readonly Record<string, unknown>[]): number =>
  rows.reduce((orders, row) => orders + Number(row['orders']), 0);
