import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { OrderEvent, OrderFact } from '../../../domain/events.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../../domain/topology.ts';
import { newId } from '../../../platform/clock.ts';
import { applyOrderEvent, type OrderSummary } from '../../../projections/order-summary.ts';
import { stuckAfter, type OrderStep, type StuckSaga } from '../../../projections/stuck-sagas.ts';
import { orderHistory, stories, stuckStory } from '../../support/builders.ts';

/** The steps of events, on top of the orders given; those that change nothing are none. */
function stepsOf(events: readonly OrderEvent[], orders = new Map<string, OrderSummary>()): OrderStep[] {
  return events.flatMap((event) => {
    const before = orders.get(event.aggregateId);
    const after = applyOrderEvent(before, event);
    orders.set(event.aggregateId, after);
    return after === before ? [] : [{ event, before, after }];
  });
}

describe('stuck sagas', () => {
  const orderId = newId();
  const { stuck, settled } = stuckStory(orderId);
  const history = orderHistory([...stuck, ...settled], { orderId, startedAt: '2026-03-01T10:07:00.000Z' });
  const waiting: StuckSaga = {
    workflowId: orderWorkflowId(orderId),
    orderId,
    saga: 'order',
    undo: 'refundPayment',
    cause: 'refundPayment: PAYMENT_UNAVAILABLE',
    code: 'PAYMENT_UNAVAILABLE',
    detail: 'no answer',
    attempts: 10,
    occurrence: 1,
    since: '2026-03-01T10:07:03.000Z',
    totalMinor: 4_320,
    currency: 'EUR',
  };

  it('an order that gets stuck leaves the saga that waits, with why and since when', () => {
    assert.deepEqual(stuckAfter(stepsOf(history.slice(0, 4))), new Map([[orderId, waiting]]));
  });

  it('one that goes on leaves none, also within one page', () => {
    const orders = new Map<string, OrderSummary>();
    stepsOf(history.slice(0, 4), orders);
    assert.deepEqual(stuckAfter(stepsOf(history.slice(4, 5), orders)), new Map([[orderId, null]]));
    assert.deepEqual(stuckAfter(stepsOf(history)), new Map([[orderId, null]]));
  });

  it('one that ends leaves none, also when nobody decided', () => {
    const facts: OrderFact[] = [...stuck, ...stories.outOfStock.slice(1)];
    assert.deepEqual(stuckAfter(stepsOf(orderHistory(facts, { orderId }))), new Map([[orderId, null]]));
  });

  it('stuck again leaves the later time', () => {
    const retried = stuckStory(orderId, { decision: 'retry' }).settled.slice(0, 1);
    const again = stuckStory(orderId, { occurrence: 2 }).stuck.slice(3);
    const facts = [...stuck, ...retried, ...again];
    const events = orderHistory(facts, { orderId, startedAt: '2026-03-01T10:07:00.000Z' });
    assert.deepEqual(
      stuckAfter(stepsOf(events)),
      new Map([[orderId, { ...waiting, occurrence: 2, since: '2026-03-01T10:07:05.000Z' }]]),
    );
  });

  it('the shipment saga is told from the order saga', () => {
    const shipment = stuckStory(orderId, { workflowId: shipmentWorkflowId(orderId) });
    const left = stuckAfter(stepsOf(orderHistory(shipment.stuck, { orderId })));
    assert.equal(left.get(orderId)?.saga, 'shipment');
  });

  it('orders that never were stuck are left out', () => {
    assert.equal(stuckAfter(stepsOf(orderHistory(stories.delivered))).size, 0);
  });

  it('events repeated from any place, in pages of any size, leave what they leave once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: history.length }),
        fc.array(fc.nat({ max: history.length - 1 }), { maxLength: 4 }),
        fc.integer({ min: 1, max: 5 }),
        (length, restarts, pageSize) => {
          const events = history.slice(0, length);
          const repeated = [...events, ...restarts.flatMap((from) => events.slice(from))];
          const orders = new Map<string, OrderSummary>();
          let row: StuckSaga | null = null;
          for (let at = 0; at < repeated.length; at += pageSize) {
            const left = stuckAfter(stepsOf(repeated.slice(at, at + pageSize), orders)).get(orderId);
            if (left !== undefined) row = left;
          }
          assert.deepEqual(row, length === 4 ? waiting : null);
        },
      ),
    );
  });
});
