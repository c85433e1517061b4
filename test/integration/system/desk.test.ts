import assert from 'node:assert/strict';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import type { OrderStatus } from '../../../domain/order.ts';
import { shipmentWorkflowId } from '../../../domain/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson, post, putJson } from '../../support/http.ts';
import { place, untilStatus, type OrderView } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';

const CAUSE = 'refundPayment: PAYMENT_UNAVAILABLE';

interface StuckList {
  readonly groups: readonly {
    readonly cause: string;
    readonly sagas: readonly { readonly workflowId: string; readonly orderId: string }[];
  }[];
}

describe('the compensation desk over REST, with the sagas that ship', function () {
  this.timeout(120_000);
  let system: System;
  /** Completed orders whose customers cancel while no refund works. */
  let orders: string[];

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({ env: { SAGA_UNDO_ATTEMPTS: '2', SAGA_RETRY_PAUSE_MS: '10' } });
    await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 100 }]);
    const order: PlaceOrderRequest = {
      customerId: 'customer-1',
      lines: [{ sku: 'COFFEE', quantity: 2 }],
      paymentMethod: 'pm_card_visa',
    };
    orders = await Promise.all(Array.from({ length: 4 }, () => place(system, order)));
    await untilStatus(system, orders, ['COMPLETED']);
    await turn(1);
    for (const id of orders) {
      const answer = await post(`${system.urls['command-api']}/orders/${id}/cancel`, {
        reason: 'changed my mind',
      });
      assert.equal(answer.status, 202, await answer.text());
    }
  });
  after(() => system.close());

  const turn = async (refundFailureRate: number): Promise<void> => {
    assert.equal((await putJson(`${system.urls.worker}/dev/faults`, { refundFailureRate })).status, 200);
  };
  /** Waits until so many sagas are in the list. */
  const untilStuck = (count: number): Promise<StuckList['groups']> =>
    eventually(
      async () => {
        const { groups } = await getJson<StuckList>(
          `${system.urls['query-api']}/operations/sagas?state=stuck`,
        );
        return groups.flatMap(({ sagas }) => sagas).length === count ? groups : undefined;
      },
      { what: `${count} sagas are stuck`, withinMs: 60_000 },
    );
  const decide = async (path: string, decision: object): Promise<unknown> => {
    const answer = await post(`${system.urls['command-api']}/operations/sagas/${path}`, {
      reason: 'seen',
      ...decision,
    });
    const body: unknown = await answer.json();
    assert.equal(answer.status, 200, JSON.stringify(body));
    return body;
  };
  const untilEnded = async (id: string, status: OrderStatus = 'REFUNDED'): Promise<OrderView> => {
    const [view] = await untilStatus(system, [id], [status]);
    assert.ok(view);
    return view;
  };
  /** Charges − refunds of an order, in minor units. */
  const kept = async (id: string): Promise<number> => {
    const { rows } = await system.db.raw<{ rows: [{ kept: string }] }>(
      `select sum(case kind when 'CHARGE' then amount_minor else -amount_minor end) as kept
       from payments.ledger where idempotency_key = ?`,
      [`order-${id}`],
    );
    return Number(rows[0].kept);
  };

  it('lists the stuck by their cause', async () => {
    const groups = await untilStuck(4);
    assert.deepEqual(
      groups.map(({ cause }) => cause),
      [CAUSE],
    );
    assert.deepEqual(
      groups[0]?.sagas.map(({ workflowId }) => workflowId).sort(),
      orders.map(shipmentWorkflowId).sort(),
    );
    for (const id of orders) assert.equal(await kept(id), 3_780);
  });

  it('done-by-hand, waive and retry end the order, and each is in its timeline', async () => {
    const [byHand, waived, retried] = orders as [string, string, string, string];
    await decide(`${shipmentWorkflowId(byHand)}/resolve`, { action: 'done-by-hand' });
    await decide(`${shipmentWorkflowId(waived)}/resolve`, { action: 'waive' });
    const settled = [await untilEnded(byHand), await untilEnded(waived)];
    assert.deepEqual(
      settled.map(({ payment }) => payment),
      ['BY_HAND', 'WAIVED'],
    );
    await turn(0);
    await decide(`${shipmentWorkflowId(retried)}/resolve`, { action: 'retry' });
    const refunded = await untilEnded(retried);
    assert.equal(refunded.payment, 'REFUNDED');
    assert.deepEqual([await kept(byHand), await kept(waived), await kept(retried)], [3_780, 3_780, 0]);
    for (const { timeline } of [...settled, refunded]) {
      const events = timeline.map(({ event }) => event);
      assert.ok(events.indexOf('OrderStuck') < events.indexOf('StuckResolved'), events.join());
      assert.equal(events.at(-1), 'OrderRefunded');
    }
  });

  it('one decision for a cause ends those that are left', async () => {
    const last = orders[3]!;
    assert.deepEqual(await decide('resolve', { cause: CAUSE, action: 'retry', limit: 10 }), {
      resolved: [shipmentWorkflowId(last)],
      refused: [],
      remaining: false,
    });
    await untilEnded(last);
    assert.equal(await kept(last), 0);
    assert.deepEqual(await untilStuck(0), []);
  });

  it('the audit holds who decided what, and cannot be changed', async () => {
    const rows = await system
      .db<{ order_id: string; action: string; subject: string }>('orders.audit')
      .orderBy('at')
      .select('order_id', 'action', 'subject');
    const decided = rows.filter(({ action, subject }) => action === 'StuckResolved' && subject === 'demo');
    assert.deepEqual(
      decided.map(({ order_id }) => order_id),
      orders,
    );
    await assert.rejects(system.db('orders.audit').delete(), /append-only/);
  });

  it('all stock is back', async () => {
    const stock = await system
      .db<{ sku: string; on_hand: number; reserved: number }>('inventory.stock')
      .first();
    assert.deepEqual([stock?.on_hand, stock?.reserved], [100, 0]);
  });
});
