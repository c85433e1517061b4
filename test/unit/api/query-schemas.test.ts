import assert from 'node:assert/strict';
import {
  encodeCursor,
  orderListSchema,
  salesPeriod,
  salesQuerySchema,
  stuckListSchema,
} from '../../../api/queries/query-schemas.ts';
import { causeOf, stuckNames } from '../../../domain/desk.ts';

const now = new Date('2026-03-10T15:20:00Z');
const periodOf = (query: object): [string, string] => {
  const { from, to } = salesPeriod(salesQuerySchema.parse(query), now);
  return [from.toISOString(), to.toISOString()];
};

describe('query parameters', () => {
  it('a plain date in `to` is included', () => {
    assert.deepEqual(periodOf({ from: '2026-03-01', to: '2026-03-01' }), [
      '2026-03-01T00:00:00.000Z',
      '2026-03-02T00:00:00.000Z',
    ]);
  });

  it('without dates sales are those of today and the 30 days before', () => {
    assert.deepEqual(periodOf({}), ['2026-02-08T00:00:00.000Z', '2026-03-11T00:00:00.000Z']);
  });

  it('times must be on a quarter of an hour, in any time zone', () => {
    assert.deepEqual(
      periodOf({ from: '2026-03-01T12:15:00+05:45', to: '2026-03-02' })[0],
      '2026-03-01T06:30:00.000Z',
    );
    assert.throws(() => periodOf({ from: '2026-03-01T12:10:00Z' }), /quarter of an hour/);
    assert.throws(() => periodOf({ from: '2026-03-05', to: '2026-03-01' }), /must be before to/);
  });

  it('whatever can be stuck can be asked for by its cause', () => {
    for (const undo of stuckNames) {
      const cause = causeOf({ undo, code: 'FAILED' });
      assert.equal(stuckListSchema.parse({ state: 'stuck', cause }).cause, cause);
    }
    assert.throws(() => stuckListSchema.parse({ state: 'stuck', cause: 'chargePayment: FAILED' }), /cause/);
  });

  it('a cursor comes back as it went out, and anything else is refused by name', () => {
    const cursor = { placedAt: '2026-03-01T10:00:00.123Z', orderId: '01a20ca6-6070-70b7-9ef8-08c9b9e963ee' };
    assert.deepEqual(orderListSchema.parse({ cursor: encodeCursor(cursor) }).cursor, cursor);
    const { error } = orderListSchema.safeParse({ cursor: 'bm90IGEgY3Vyc29y', limit: '0', status: 'GONE' });
    assert.deepEqual(error?.issues.map(({ path }) => path[0]).sort(), ['cursor', 'limit', 'status']);
  });
});
