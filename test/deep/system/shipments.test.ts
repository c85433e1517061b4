import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import type { OrderStatus } from '../../../domain/order.ts';
import { shipmentWorkflowId } from '../../../domain/topology.ts';
import { putJson } from '../../support/http.ts';
import { assertBalanced, place, untilStatus, type OrderView } from '../../support/orders.ts';
import { listProducts, stockOf } from '../../support/products.ts';
import { temporalAddress } from '../../support/servers.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('shipments from the completed order to the door', function () {
  this.timeout(120_000);
  let system: System;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({
      env: {
        CARRIER_DISPATCH_MS: '100',
        CARRIER_DELIVERY_MS: '100',
        CARRIER_TIMEOUT_MS: '300',
        // Longer than 100 orders at once take to be booked on a busy machine.
        SHIPMENT_DISPATCH_DEADLINE_MS: '10000',
        SHIPMENT_DELIVERY_DEADLINE_MS: '3000',
      },
    });
    await listProducts(system.db, [
      { sku: 'COFFEE', priceMinor: 1_890, onHand: 1_000 },
      { sku: 'LAST', priceMinor: 500, onHand: 10 },
    ]);
  });
  after(() => system.close());

  const faultless = {
    carrierRefusalRate: 0,
    carrierTimeoutRate: 0,
    carrierLossRate: 0,
    carrierDispatchMs: 100,
    carrierDeliveryMs: 100,
  };
  const turn = async (dials: Partial<typeof faultless>): Promise<void> => {
    const response = await putJson(`${system.urls.worker}/dev/faults`, { ...faultless, ...dials });
    assert.equal(response.status, 200);
  };
  afterEach(() => turn({}));

  const order: PlaceOrderRequest = {
    customerId: 'customer-1',
    lines: [{ sku: 'COFFEE', quantity: 2 }],
    paymentMethod: 'pm_card_visa',
  };

  /** Places an order and waits until it is where it should be. */
  async function shipped(status: OrderStatus): Promise<OrderView> {
    const [view] = await untilStatus(system, [await place(system, order)], [status]);
    assert.ok(view);
    return view;
  }

  it('an order is booked, shipped and delivered; its view shows the parcel and both workflows', async () => {
    const view = await shipped('DELIVERED');
    assert.deepEqual(
      view.timeline.slice(4).map(({ event, status }) => [event, status]),
      [
        ['ShipmentBooked', undefined],
        ['ShipmentDispatched', 'SHIPPED'],
        ['ShipmentDelivered', 'DELIVERED'],
      ],
    );
    assert.equal(view.carrier, 'Simulated Parcels');
    assert.match(view.trackingNumber ?? '', /^SIM/);
    assert.match(view.links.shipmentWorkflow ?? '', new RegExp(`/${shipmentWorkflowId(view.orderId)}$`));
    await assertBalanced(system.db);
  });

  it('order and shipment workflows link to each other', async () => {
    const { orderId } = await shipped('DELIVERED');
    const connection = await Connection.connect({ address: await temporalAddress() });
    try {
      const client = new Client({ connection, namespace: system.namespace });
      const shipment = await client.workflow.getHandle(`shipment-${orderId}`).describe();
      assert.match(
        (await shipment.staticDetails()) ?? '',
        new RegExp(`/namespaces/${system.namespace}/workflows/order-${orderId}`),
      );
      const query = await client.workflow
        .getHandle(`order-${orderId}`)
        .query<{ currentDetails: string }>('__temporal_workflow_metadata');
      assert.match(
        query.currentDetails,
        new RegExp(`/namespaces/${system.namespace}/workflows/shipment-${orderId}`),
      );
    } finally {
      await connection.close();
    }
  });

  it('100 orders for the last 10 pieces at once: 10 are delivered, and in the end nothing is on hand and nothing reserved', async () => {
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        place(system, { ...order, customerId: `customer-${index}`, lines: [{ sku: 'LAST', quantity: 1 }] }),
      ),
    );
    const views = await untilStatus(system, ids, ['DELIVERED', 'CANCELLED']);
    assert.equal(views.filter(({ status }) => status === 'DELIVERED').length, 10);
    assert.equal(views.filter(({ cancelReason }) => cancelReason === 'OUT_OF_STOCK').length, 90);
    assert.deepEqual(await stockOf(system.db, 'LAST'), { sku: 'LAST', on_hand: 0, reserved: 0, shipped: 10 });
    await assertBalanced(system.db);
  });

  it('a refused booking gives money and stock back', async () => {
    await turn({ carrierRefusalRate: 1 });
    const view = await shipped('REFUNDED');
    assert.equal(view.cancelReason, 'BOOKING_REFUSED');
    assert.deepEqual([view.inventory, view.payment], ['RELEASED', 'REFUNDED']);
    assert.deepEqual(
      view.timeline.slice(4).map(({ event }) => event),
      ['ShipmentFailed', 'PaymentRefunded', 'InventoryReleased', 'OrderRefunded'],
    );
    await assertBalanced(system.db);
  });

  it('bookings without an answer end all the same: booked once when they were taken, tried again when not', async () => {
    await turn({ carrierTimeoutRate: 0.5 });
    const ids = await Promise.all(Array.from({ length: 12 }, () => place(system, order)));
    const views = await untilStatus(system, ids, ['DELIVERED', 'REFUNDED']);
    assert.ok(views.some(({ status }) => status === 'DELIVERED'));
    await assertBalanced(system.db);
  });

  it('a parcel that does not leave before the deadline is called back', async () => {
    await turn({ carrierDispatchMs: 3_600_000 });
    const view = await shipped('REFUNDED');
    assert.deepEqual([view.cancelReason, view.inventory], ['DISPATCH_OVERDUE', 'RELEASED']);
    await assertBalanced(system.db);
  });

  it('a parcel that is lost, or does not arrive before the deadline, is paid back and stays out of stock', async () => {
    await turn({ carrierLossRate: 1 });
    const lost = await shipped('REFUNDED');
    await turn({ carrierDeliveryMs: 3_600_000 });
    const late = await shipped('REFUNDED');
    assert.deepEqual([lost.cancelReason, late.cancelReason], ['PARCEL_LOST', 'DELIVERY_OVERDUE']);
    assert.deepEqual([lost.inventory, lost.payment], ['SHIPPED', 'REFUNDED']);
    await assertBalanced(system.db);
  });
});
