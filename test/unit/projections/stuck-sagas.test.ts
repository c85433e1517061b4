import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { OrderEvent, OrderFact } from '../../../domain/events.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../../domain/topology.ts';
import { newId } from '../../../platform/clock.ts';
import { orders } from '../../../projections/order-summary.ts';
import { orderHistory, stories, stuckStory } from '../../support/builders.ts';
import { tablesAfter } from '../../support/projections.ts';

/** What waits for an operator after these pages, in the one order that they are about. */
function stuckIn(...pages: readonly (readonly OrderEvent[])[]): unknown {
  const { stuckCause, stuckSince, stuck } = tablesAfter(orders, ...pages)['order_summary']![0]!;
  return stuckCause === null && stuckSince === null ? stuck : { stuckCause, stuckSince, stuck };
}

describe('stuck sagas', () => {
  const orderId = newId();
  const { stuck, settled } = stuckStory(orderId);
  const history = orderHistory([...stuck, ...settled], { orderId, startedAt: '2026-03-01T10:07:00.000Z' });
  const saga = {
    workflowId: orderWorkflowId(orderId),
    saga: 'order',
    undo: 'refundPayment',
    code: 'PAYMENT_UNAVAILABLE',
    detail: 'no answer',
    attempts: 10,
    occurrence: 1,
  };
  const waiting = {
    stuckCause: 'refundPayment: PAYMENT_UNAVAILABLE',
    stuckSince: '2026-03-01T10:07:03.000Z',
    stuck: saga,
  };

  it('an order that gets stuck says which saga waits, why and since when', () => {
    assert.deepEqual(stuckIn(history.slice(0, 4)), waiting);
  });

  it('one that goes on does not, also within one page', () => {
    assert.equal(stuckIn(history.slice(0, 4), history.slice(4, 5)), null);
    assert.equal(stuckIn(history), null);
  });

  it('one that ends does not, also when nobody decided', () => {
    const facts: OrderFact[] = [...stuck, ...stories.outOfStock.slice(1)];
    assert.equal(stuckIn(orderHistory(facts, { orderId })), null);
  });

  it('stuck again says the later time', () => {
    const retried = stuckStory(orderId, { decision: 'retry' }).settled.slice(0, 1);
    const again = stuckStory(orderId, { occurrence: 2 }).stuck.slice(3);
    const facts = [...stuck, ...retried, ...again];
    const events = orderHistory(facts, { orderId, startedAt: '2026-03-01T10:07:00.000Z' });
    const later = { stuckSince: '2026-03-01T10:07:05.000Z', stuck: { ...saga, occurrence: 2 } };
    assert.deepEqual(stuckIn(events), { ...waiting, ...later });
  });

  it('the shipment saga is told from the order saga', () => {
    const shipment = stuckStory(orderId, { workflowId: shipmentWorkflowId(orderId) });
    const { stuck: found } = stuckIn(orderHistory(shipment.stuck, { orderId })) as { stuck: typeof saga };
    assert.equal(found.saga, 'shipment');
  });

  it('an order that never was stuck says nothing', () => {
    assert.equal(stuckIn(orderHistory(stories.delivered)), null);
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
          const pages = [];
          for (let at = 0; at < repeated.length; at += pageSize)
            pages.push(repeated.slice(at, at + pageSize));
          assert.deepEqual(stuckIn(...pages), length === 4 ? waiting : null);
        },
      ),
    );
  });
});
