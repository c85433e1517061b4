import assert from 'node:assert/strict';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import type { OrderStatus } from '../../../domain/order.ts';
import { shipmentWorkflowId } from '../../../domain/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson, post, putJson, type ProblemBody } from '../../support/http.ts';
import { place, untilStatus, type OrderView } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';
import { audience, bearer, issuer, sign, signingKey } from '../../support/tokens.ts';

const CAUSE = 'refundPayment: PAYMENT_UNAVAILABLE';
const isDecision = (action: string): boolean => action === 'WaiverRequested' || action === 'StuckResolved';

interface StuckList {
  readonly groups: readonly {
    readonly cause: string;
    readonly sagas: readonly {
      readonly workflowId: string;
      readonly orderId: string;
      readonly waiver?: { readonly requestedBy: string; readonly reason: string };
    }[];
  }[];
}

describe('the compensation desk over REST, with the sagas that ship', function () {
  this.timeout(120_000);
  let system: System;
  /** Completed orders whose customers cancel while no refund works. */
  let orders: string[];
  /** Who sends these is another operator than `demo`, whom those without a token are. */
  let omar: ReturnType<typeof bearer>;

  before(async function () {
    this.timeout(600_000);
    const login = signingKey();
    omar = bearer(await sign(login, { sub: 'omar', roles: ['operator'] }));
    system = await startSystem({
      env: {
        SAGA_UNDO_ATTEMPTS: '2',
        SAGA_RETRY_PAUSE_MS: '10',
        AUTH_ISSUER: issuer,
        AUTH_AUDIENCE: audience,
        AUTH_PUBLIC_KEY: String(login.publicKey.export({ type: 'spki', format: 'pem' })),
      },
    });
    await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 100 }]);
    const order: PlaceOrderRequest = {
      customerId: 'customer-1',
      lines: [{ sku: 'COFFEE', quantity: 2 }],
      paymentMethod: 'pm_card_visa',
    };
    orders = await Promise.all(Array.from({ length: 6 }, () => place(system, order)));
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
  const decide = async (
    path: string,
    decision: object,
    { status = 200, as = {} }: { status?: number; as?: Record<string, string> } = {},
  ): Promise<unknown> => {
    const url = `${system.urls['command-api']}/operations/sagas/${path}`;
    const answer = await post(url, { reason: 'seen', ...decision }, as);
    const body: unknown = await answer.json();
    assert.equal(answer.status, status, JSON.stringify(body));
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
    const groups = await untilStuck(6);
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

  /** The first operator asks and cannot approve; the list shows it; the second one approves. */
  async function waiveByTwo(id: string): Promise<void> {
    const workflowId = shipmentWorkflowId(id);
    const path = `${workflowId}/resolve`;
    const action = 'waive';
    assert.deepEqual(await decide(path, { action, reason: 'account closed' }, { status: 202 }), {
      workflowId,
      action,
      state: 'WAITS_FOR_SECOND',
    });
    const problem = (await decide(path, { action }, { status: 409 })) as ProblemBody;
    assert.equal(problem.type, 'urn:durable-orders:problem:second-operator-required');
    assert.match(problem.detail ?? '', /^demo has asked .*another operator/);
    const shown = await eventually(
      async () =>
        (await untilStuck(5)).flatMap(({ sagas }) => sagas).find((saga) => saga.orderId === id)?.waiver,
      { what: 'the list shows who asks to waive' },
    );
    assert.deepEqual([shown.requestedBy, shown.reason], ['demo', 'account closed']);
    const approval = { action, reason: 'the customer agrees' };
    assert.deepEqual(await decide(path, approval, { as: omar }), {
      workflowId,
      action,
      state: 'APPLIED',
    });
  }

  it('done-by-hand, waive and retry end the order, and each is in its timeline', async () => {
    const [byHand, waived, retried] = orders as [string, string, string, string];
    await decide(`${shipmentWorkflowId(byHand)}/resolve`, { action: 'done-by-hand' });
    await waiveByTwo(waived);
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
    assert.deepEqual(
      settled[1]?.timeline
        .filter(({ event }) => event === 'WaiverRequested' || event === 'StuckResolved')
        .map(({ detail }) => detail),
      [
        'refundPayment: demo asks to waive it: account closed',
        'refundPayment: waive, omar: the customer agrees; asked for by demo: account closed',
      ],
    );
    for (const { timeline } of [...settled, refunded]) {
      const events = timeline.map(({ event }) => event);
      assert.ok(events.indexOf('OrderStuck') < events.indexOf('StuckResolved'), events.join());
      assert.equal(events.at(-1), 'OrderRefunded');
    }
  });

  it('one decision for a cause waives those that another operator has asked to waive, and no other', async () => {
    const [first, last] = [orders[4]!, orders[5]!];
    const ofMany = { cause: CAUSE, action: 'waive' };
    const sagas = [orders[3]!, first, last].map(shipmentWorkflowId);
    await decide(`${sagas[1]}/resolve`, { action: 'waive' }, { status: 202 });
    await decide(`${sagas[2]}/resolve`, { action: 'waive' }, { status: 202, as: omar });
    assert.deepEqual(await decide('resolve', ofMany, { as: omar }), {
      resolved: [sagas[1]],
      waiting: [sagas[0]],
      refused: [],
      remaining: false,
    });
    assert.deepEqual(await decide('resolve', ofMany, { as: omar }), {
      resolved: [],
      waiting: [],
      refused: [],
      remaining: false,
    });
    await decide(`${sagas[2]}/resolve`, { action: 'waive' });
    for (const id of [first, last]) assert.equal((await untilEnded(id)).payment, 'WAIVED');
  });

  it('one decision for a cause ends those that are left', async () => {
    const last = orders[3]!;
    assert.deepEqual(await decide('resolve', { cause: CAUSE, action: 'retry', limit: 10 }), {
      resolved: [shipmentWorkflowId(last)],
      waiting: [],
      refused: [],
      remaining: false,
    });
    await untilEnded(last);
    assert.equal(await kept(last), 0);
    assert.deepEqual(await untilStuck(0), []);
  });

  it('the audit holds who decided what, and cannot be changed', async () => {
    const rows = await system
      .db<{ order_id: string; action: string; subject: string; details: { waiver?: object } }>('orders.audit')
      .orderBy('at')
      .select('order_id', 'action', 'subject', 'details');
    const [byHand, waived, retried] = orders;
    assert.deepEqual(
      rows
        .filter(({ order_id, action }) => [byHand, waived, retried].includes(order_id) && isDecision(action))
        .map(({ order_id, action, subject }) => [order_id, action, subject]),
      [
        [byHand, 'StuckResolved', 'demo'],
        [waived, 'WaiverRequested', 'demo'],
        [waived, 'StuckResolved', 'omar'],
        [retried, 'StuckResolved', 'demo'],
      ],
    );
    const given = rows.find(({ action, order_id }) => action === 'StuckResolved' && order_id === waived);
    assert.deepEqual(given?.details.waiver, { requestedBy: 'demo', reason: 'account closed' });
    await assert.rejects(system.db('orders.audit').delete(), /append-only/);
  });

  it('all stock is back', async () => {
    const stock = await system
      .db<{ sku: string; on_hand: number; reserved: number }>('inventory.stock')
      .first();
    assert.deepEqual([stock?.on_hand, stock?.reserved], [100, 0]);
  });
});
