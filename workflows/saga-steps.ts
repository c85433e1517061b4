import { proxyActivities, proxyLocalActivities, type RetryPolicy } from '@temporalio/workflow';
import { businessRefusals } from '../domain/errors.ts';
import type {
  Capability,
  InventoryActivities,
  OrderActivities,
  PaymentActivities,
} from '../domain/order-saga.ts';
import type { ShippingActivities } from '../domain/shipment-saga.ts';

const nonRetryableErrorTypes = [...businessRefusals];

/** A step forward gives up after some 3 s of failures, and the saga undoes. */
const forward: RetryPolicy = {
  initialInterval: 200,
  backoffCoefficient: 2,
  maximumAttempts: 5,
  nonRetryableErrorTypes,
};

/** What must happen in the end – undoing, asking for an outcome, writing the status – is tried until it does. */
const untilDone: RetryPolicy = {
  initialInterval: 200,
  backoffCoefficient: 2,
  maximumInterval: 10_000,
  nonRetryableErrorTypes,
};

export interface SagaSteps {
  readonly inventory: InventoryActivities;
  readonly payments: PaymentActivities;
  readonly orders: OrderActivities;
  readonly shipping: ShippingActivities;
}

/** What sagas call: each capability's activities local or regular, as the workflow's input says. */
export function sagaSteps(localSteps: readonly Capability[]): SagaSteps {
  const { reserveInventory } = proxy<InventoryActivities>(
    'inventory',
    forward,
    'Hold the stock of every line',
  );
  const { releaseInventory } = proxy<InventoryActivities>(
    'inventory',
    untilDone,
    'Undo: give the stock back',
  );
  const { shipInventory } = proxy<InventoryActivities>(
    'inventory',
    untilDone,
    'Book the stock out: the goods have left',
  );
  const { chargePayment } = proxy<PaymentActivities>('payments', forward, 'Charge the total, once');
  const { resolveCharge } = proxy<PaymentActivities>(
    'payments',
    untilDone,
    'Ask the provider what became of the charge',
  );
  const { refundPayment } = proxy<PaymentActivities>('payments', untilDone, 'Undo: give the money back');
  const { orderStatus } = proxy<OrderActivities>('orders', untilDone, 'How far is this order?');
  const { completeOrder } = proxy<OrderActivities>('orders', untilDone, 'Complete the order');
  const { cancelOrder } = proxy<OrderActivities>('orders', untilDone, 'Cancel the order');
  const { deliverOrder } = proxy<OrderActivities>('orders', untilDone, 'The parcel has arrived');
  const { failShipment } = proxy<OrderActivities>('orders', untilDone, 'The shipment has failed');
  const { refundOrder } = proxy<OrderActivities>('orders', untilDone, 'End the order as refunded');
  const { bookCarrier } = proxy<ShippingActivities>('shipping', forward, 'Book a parcel, once');
  const { locateParcel } = proxy<ShippingActivities>(
    'shipping',
    untilDone,
    'Ask the carrier where the parcel is',
  );
  const { cancelBooking } = proxy<ShippingActivities>('shipping', untilDone, 'Undo: take the booking back');
  return {
    inventory: { reserveInventory, releaseInventory, shipInventory },
    payments: { chargePayment, resolveCharge, refundPayment },
    orders: { orderStatus, completeOrder, cancelOrder, deliverOrder, failShipment, refundOrder },
    shipping: { bookCarrier, locateParcel, cancelBooking },
  };

  // The caller names the interface, as with the SDK's own proxyActivities.
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters
  function proxy<T extends object>(capability: Capability, retry: RetryPolicy, summary: string): T {
    const options = { startToCloseTimeout: 10_000, retry, summary };
    return localSteps.includes(capability)
      ? (proxyLocalActivities<T>({ ...options, localRetryThreshold: 3_000 }) as T)
      : (proxyActivities<T>(options) as T);
  }
}
