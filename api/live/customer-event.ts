import type { OrderEvent } from '../../domain/events.ts';

type DataOf<T extends OrderEvent['type']> = Extract<OrderEvent, { type: T }>['data'];

/**
 * What of an event's data a customer is shown: the facts of their order. What is not named stays inside, so that a
 * field that is added later does not get out by itself. Who decided, and what the desk does, is for people to read in
 * the order's timeline and for no program.
 */
const shown: { readonly [T in OrderEvent['type']]: readonly (keyof DataOf<T>)[] } = {
  OrderCreated: ['customerId', 'lines', 'totalMinor', 'currency'],
  InventoryReserved: ['lines'],
  PaymentCharged: ['amountMinor', 'currency'],
  OrderCompleted: ['totalMinor', 'currency', 'lines'],
  PaymentRefunded: ['amountMinor', 'currency'],
  InventoryReleased: ['lines'],
  OrderCancelled: ['reason', 'detail'],
  ShipmentBooked: ['carrier', 'trackingNumber'],
  ShipmentDispatched: ['lines'],
  ShipmentDelivered: [],
  ShipmentFailed: ['reason', 'detail'],
  OrderRefunded: ['totalMinor', 'currency', 'reason', 'detail'],
  ApprovalRequested: ['amountMinor', 'currency', 'limitMinor'],
  OrderApproved: ['reason'],
  OrderRejected: ['reason'],
  OrderStuck: [],
  WaiverRequested: [],
  StuckResolved: [],
};

/** An order's event without what is ours: what caused it, its trace, who decided, the provider's references. */
export function toCustomerEvent(event: OrderEvent): object {
  const { correlationId: _correlation, causationId: _causation, traceparent: _trace, data, ...facts } = event;
  const names: readonly PropertyKey[] = shown[event.type];
  return {
    ...facts,
    data: Object.fromEntries(Object.entries(data).filter(([name]) => names.includes(name))),
  };
}
