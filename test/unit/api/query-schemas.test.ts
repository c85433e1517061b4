import assert from 'node:assert/strict';
import { encodeCursor, orderListSchema, sagaListSchema } from '../../../api/queries/query-schemas.ts';
import { causeOf, stuckNames } from '../../../domain/desk.ts';

describe('query parameters', () => {
  it('whatever can be stuck can be asked for by its cause', () => {
    for (const undo of stuckNames) {
      const cause = causeOf({ undo, code: 'FAILED' });
      assert.equal(sagaListSchema.parse({ state: 'stuck', cause }).cause, cause);
    }
    assert.throws(() => sagaListSchema.parse({ state: 'stuck', cause: 'chargePayment: FAILED' }), /cause/);
  });

  it('a cursor comes back as it went out, and anything else is refused by name', () => {
    const cursor = { placedAt: '2026-03-01T10:00:00.123Z', orderId: '01a20ca6-6070-70b7-9ef8-08c9b9e963ee' };
    assert.deepEqual(orderListSchema.parse({ cursor: encodeCursor(cursor) }).cursor, cursor);
    const { error } = orderListSchema.safeParse({ cursor: 'bm90IGEgY3Vyc29y', limit: '0', status: 'GONE' });
    assert.deepEqual(error?.issues.map(({ path }) => path[0]).sort(), ['cursor', 'limit', 'status']);
  });
});
