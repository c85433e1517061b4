import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { PARCEL_NOTICE_SIGNAL } from '../../../domain/shipment-saga.ts';
import { shipmentWorkflowId } from '../../../domain/topology.ts';
import { eventually } from '../../support/eventually.ts';
import { assertBalanced, place, untilEnded } from '../../support/orders.ts';
import { untilOrder } from '../../support/lost-sagas.ts';
import { createProcesses, entryPoints } from '../../support/processes.ts';
import { listProducts } from '../../support/products.ts';
import { testDataDir } from '../../support/servers.ts';
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

  it('of two workers: a saga that it had in memory waits for it for 3 s and goes on with the other', async () => {
    const id = await place(system, {
      customerId: 'customer-1',
      lines: [{ sku: 'TEA', quantity: 1 }],
      paymentMethod: 'pm_card_visa',
    });
    await untilOrder(system, id, 'is booked', ({ shipment }) => shipment === 'BOOKED');
    const other = await createProcesses(
      { worker: entryPoints.worker },
      { logDir: join(await testDataDir(), 'logs', 'other-worker'), env: system.ownerEnv },
    );
    const connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    try {
      await other.start('worker');
      const { workflow } = new Client({ connection, namespace: system.namespace });
      const shipment = workflow.getHandle(shipmentWorkflowId(id));
      await system.kill('worker');
      await shipment.signal(PARCEL_NOTICE_SIGNAL, 'DISPATCHED');
      await untilOrder(system, id, 'has left', ({ status }) => status === 'SHIPPED');

      const events = (await shipment.fetchHistory()).events ?? [];
      const secondsOf = (eventId: unknown): number =>
        Number(events.find((event) => Number(event.eventId) === Number(eventId))?.eventTime?.seconds);
      const waits = events.flatMap(({ eventId, workflowTaskTimedOutEventAttributes: timedOut }) =>
        timedOut ? [secondsOf(eventId) - secondsOf(timedOut.scheduledEventId)] : [],
      );
      // The server's own times, so that the machine's speed does not matter.
      assert.equal(waits.length, 1);
      assert.ok(waits.every((seconds) => seconds <= 5));
    } finally {
      await connection.close();
      await other.stopAll();
    }
  });
});
