import assert from 'node:assert/strict';
import { eventually } from '../../support/eventually.ts';
import { assertBalanced, place, untilEnded } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('kill -9 of the worker', function () {
  this.timeout(180_000);
  let system: System;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({
      env: { INVENTORY_FAILURE_RATE: '0.2', INVENTORY_LATENCY_MS: '100', PAYMENT_TIMEOUT_MS: '500' },
    });
    await listProducts(system.db, [{ sku: 'TEA', priceMinor: 1_250, onHand: 80 }]);
  });
  after(() => system.close());

  const openOrders = async (): Promise<number> => {
    const row = await system
      .db('orders.orders')
      .whereIn('status', ['RESERVED', 'PAID'])
      .count({ open: '*' })
      .first();
    return Number(row?.open);
  };

  it('in the middle of 50 orders with 20 % failures: every order ends, money and stock balance', async () => {
    const methods = [
      'pm_card_visa',
      'pm_card_visa',
      'pm_card_visa',
      'pm_timeout_after',
      'pm_card_declined',
    ] as const;
    const ids = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        place(system, {
          customerId: `customer-${index}`,
          lines: [{ sku: 'TEA', quantity: 1 + (index % 3) }],
          paymentMethod: methods[index % methods.length] ?? 'pm_card_visa',
        }),
      ),
    );
    await eventually(async () => ((await openOrders()) > 5 ? true : undefined), {
      what: 'orders are between two steps',
    });
    await system.kill('worker');
    const interrupted = await openOrders();
    await system.start('worker');

    const views = await untilEnded(system, ids, 120_000);
    assert.equal(views.length, 50);
    assert.ok(interrupted > 0, 'some orders were under way when the worker died');
    const { paidTotals } = await assertBalanced(system.db);
    assert.ok(paidTotals > 0);
  });
});
