import type { DomainEvent, OrderEvent } from '../../domain/events.ts';
import { changeBy, type Order } from '../../domain/order.ts';
import { withVersion, type Versions } from './versions.ts';

/** How far an order got, and what became of its parts. */
export type OrderState = Pick<Order, 'status' | 'inventory' | 'payment' | 'shipment' | 'approval'>;
/** What the last event of a product or of its stock says. */
type Latest = DomainEvent<'ProductListed' | 'StockChanged'>['data'];

/** What the stream says of one aggregate. */
export interface Streamed extends Versions {
  /** Of an order whose beginning is there. */
  readonly order?: OrderState;
  readonly latest?: Latest;
  /** An operator has cancelled its parcel by hand or waived that: no row says so. */
  readonly bookingSettled?: true;
}

/** With one more event; the same object for one that is in already. */
export function withEvent(before: Streamed | undefined, event: DomainEvent): Streamed {
  const versions = withVersion(before, event.aggregateVersion);
  if (before && versions === before) return before;
  // As projections do: what comes late, behind later versions, changes nothing any more.
  const isNewest = before === undefined || event.aggregateVersion > before.highest;
  const { order, latest } = isNewest ? stateAfter(before, event) : before;
  return {
    lowest: versions.lowest,
    highest: versions.highest,
    missing: versions.missing,
    ...(order === undefined ? {} : { order }),
    ...(latest === undefined ? {} : { latest }),
    ...(before?.bookingSettled || settlesBooking(event) ? { bookingSettled: true as const } : {}),
  };
}

const settlesBooking = (event: DomainEvent): boolean =>
  event.type === 'StuckResolved' && event.data.undo === 'cancelBooking' && event.data.decision !== 'retry';

function stateAfter(
  before: Streamed | undefined,
  event: DomainEvent,
): Pick<Partial<Streamed>, 'order' | 'latest'> {
  if (event.type === 'ProductListed' || event.type === 'StockChanged') return { latest: event.data };
  const order = orderAfter(before?.order, event);
  return order === undefined ? {} : { order };
}

const placed: OrderState = {
  status: 'PENDING',
  inventory: 'NONE',
  payment: 'NONE',
  shipment: 'NONE',
  approval: 'NONE',
};

function orderAfter(before: OrderState | undefined, event: OrderEvent): OrderState | undefined {
  if (event.type === 'OrderCreated') return placed;
  if (!before) return undefined;
  const change = changeBy(event);
  return {
    status: change.status ?? before.status,
    inventory: change.inventory ?? before.inventory,
    payment: change.payment ?? before.payment,
    shipment: change.shipment ?? before.shipment,
    approval: change.approval ?? before.approval,
  };
}
