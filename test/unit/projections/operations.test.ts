import { slotOf } from '../../../projections/durations.ts';
import { operations } from '../../../projections/operations.ts';
import { newId } from '../../../platform/clock.ts';
import { orderHistory, stories, stuckStory } from '../../support/builders.ts';
import { given } from '../../support/projections.ts';

describe('operations figures', () => {
  const startedAt = '2026-03-01T10:14:58.000Z';
  const [before, after] = ['2026-03-01T10:00:00.000Z', '2026-03-01T10:15:00.000Z'];

  it('an event counts in the quarter of an hour in which it happened, a completion by how long it took', () => {
    given(operations)
      .when(orderHistory(stories.completed, { startedAt }))
      .then({
        operations: [
          { bucket: before, what: 'accepted', cause: '', slot: 0, times: 1 },
          { bucket: after, what: 'completed', cause: '', slot: slotOf(3_000), times: 1 },
        ],
      });
  });

  it('what ends otherwise counts by its cause', () => {
    given(operations)
      .when(orderHistory(stories.outOfStock), orderHistory(stories.outOfStock))
      .then({
        operations: [
          { what: 'accepted', times: 2 },
          { what: 'cancelled', cause: 'OUT_OF_STOCK', times: 2 },
        ],
      });
    given(operations)
      .when(orderHistory(stories.lost))
      .then({
        operations: [
          { what: 'accepted' },
          { what: 'completed' },
          { what: 'refunded', cause: 'PARCEL_LOST', times: 1 },
        ],
      });
  });

  it('each time that a saga is stuck counts by its cause, and when it is over, by how long it lasted', () => {
    const orderId = newId();
    const { stuck, settled } = stuckStory(orderId);
    const cause = 'refundPayment: PAYMENT_UNAVAILABLE';
    const events = orderHistory([...stuck, ...settled], { orderId });
    const accepted = { what: 'accepted', times: 1 };
    given(operations)
      .when(events.slice(0, 4))
      .then({ operations: [accepted, { what: 'stuck', cause, slot: 0, times: 1 }] });
    given(operations)
      .when(events.slice(0, 4), events.slice(4), events)
      .then({
        operations: [
          accepted,
          { what: 'cancelled', cause: 'CANCEL_REQUESTED', times: 1 },
          { what: 'resolved', cause, slot: slotOf(1_000), times: 1 },
          { what: 'stuck', cause, times: 1 },
        ],
      });
  });

  it('the end of an order is the end of being stuck, also when nobody decided', () => {
    const orderId = newId();
    const { stuck, settled } = stuckStory(orderId);
    given(operations)
      .when(orderHistory([...stuck, ...settled.slice(-2)], { orderId }))
      .then({
        operations: [
          { what: 'accepted' },
          { what: 'cancelled' },
          { what: 'resolved', slot: slotOf(2_000), times: 1 },
          { what: 'stuck' },
        ],
      });
  });
});
