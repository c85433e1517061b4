import assert from 'node:assert/strict';
import { newId } from '../../../platform/clock.ts';
import { eventually } from '../../support/eventually.ts';
import { post } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';

const wish = { Prefer: 'wait=30' };
const order = (paymentMethod: string, quantity = 1): object => ({
  customerId: 'customer-1',
  lines: [{ sku: 'COFFEE', quantity }],
  paymentMethod,
});

interface Answer {
  readonly orderId: string;
  readonly status: string;
  readonly cancelReason?: string;
}

describe('Prefer: wait in the whole system', function () {
  this.timeout(120_000);
  let system: System;
  let orders: string;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({
      // 20 pieces wait for an approval.
      env: { APPROVAL_LIMIT_MINOR: '10000' },
      processes: ['command-api', 'worker'],
    });
    await listProducts(system.db, [{ sku: 'COFFEE', priceMinor: 1_000, onHand: 1_000 }]);
    orders = `${system.urls['command-api']}/orders`;
  });
  after(() => system.close());

  async function answerTo(path: string, body: object): Promise<[number, Answer]> {
    const response = await post(orders + path, body, { ...wish, 'Idempotency-Key': newId() });
    return [response.status, (await response.json()) as Answer];
  }
  async function outcomesOf(orderId: string): Promise<unknown[]> {
    const { rows } = await system.db.raw<{ rows: { outcome: string }[] }>(
      "select details ->> 'outcome' as outcome from orders.audit where order_id = ? and action = 'cancelOrder' order by at, id",
      [orderId],
    );
    return rows.map(({ outcome }) => outcome);
  }

  it('a completed order is told as such, and cancelling it waits for the refund', async () => {
    const [status, { orderId, ...placed }] = await answerTo('', order('pm_card_visa'));
    assert.deepEqual([status, placed], [200, { status: 'COMPLETED' }]);
    const cancelled = await answerTo(`/${orderId}/cancel`, { reason: 'twice' });
    assert.deepEqual(cancelled, [
      200,
      { orderId, cancellation: 'ACCEPTED', status: 'REFUNDED', cancelReason: 'CANCEL_REQUESTED' },
    ]);
    const outcomes = await eventually(
      async () => {
        const found = await outcomesOf(orderId);
        return found.length === 2 ? found : undefined;
      },
      { what: 'command and outcome are audited' },
    );
    assert.deepEqual(outcomes, [null, 'ACCEPTED']);
  });

  it('a declined one comes with the reason', async () => {
    const [status, { orderId: _, ...placed }] = await answerTo('', order('pm_card_declined'));
    assert.deepEqual([status, placed], [200, { status: 'CANCELLED', cancelReason: 'PAYMENT_DECLINED' }]);
  });

  it('one that needs an approval is answered 202 when the process is told to end, which it then does', async () => {
    const answering = post(orders, order('pm_card_visa', 20), { ...wish, 'Idempotency-Key': newId() });
    await eventually(
      async () => {
        const metrics = await (await fetch(`${system.urls['command-api']}/metrics`)).text();
        return /^requests_waiting_for_orders\S* 1$/m.test(metrics) || undefined;
      },
      { what: 'it waits' },
    );
    assert.equal(await system.stop('command-api'), 0);
    const answer = await answering;
    const { status } = (await answer.json()) as Answer;
    assert.deepEqual([answer.status, status], [202, 'PENDING']);
  });
});
