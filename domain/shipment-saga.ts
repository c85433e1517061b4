import type { CancelReason } from './errors.ts';
import type { SagaOrder } from './order-saga.ts';
import type { OrderStatus } from './order.ts';
import type { SagaSettings } from './saga-settings.ts';

/** The input of the shipment workflow. No personal data. */
export interface ShipmentSagaInput {
  readonly order: SagaOrder;
  readonly settings: SagaSettings;
}

export interface ShipmentOutcome {
  readonly status: OrderStatus;
  /** Why the order was refunded. */
  readonly reason?: CancelReason;
}

/** Where a booking or its parcel is, as the carrier says it. */
export type ParcelStatus =
  'NOT_FOUND' | 'REFUSED' | 'CANCELLED' | 'BOOKED' | 'DISPATCHED' | 'DELIVERED' | 'LOST';

/** What the carrier tells by itself. */
export const parcelNotices = ['DISPATCHED', 'DELIVERED', 'LOST'] as const satisfies readonly ParcelStatus[];
export type ParcelNotice = (typeof parcelNotices)[number];

/** Signal of the shipment workflow; may come late, again, or not at all: each deadline ends with a question. */
export const PARCEL_NOTICE_SIGNAL = 'parcelNotice';

export interface ShippingActivities {
  /** Books a parcel once. @returns where the parcel is, which may have left after an earlier booking. @throws BOOKING_REFUSED, BOOKING_FENCED, CARRIER_UNAVAILABLE, BOOKING_OUTCOME_UNKNOWN */
  readonly bookCarrier: (order: SagaOrder) => Promise<ParcelStatus>;
  /** Asks the carrier, and records a booking that turns out to have happened. */
  readonly locateParcel: (order: SagaOrder) => Promise<ParcelStatus>;
  /**
   * Takes the booking back, and refuses one that arrives later.
   * @returns whether that came in time; a parcel that has left cannot be called back.
   */
  readonly cancelBooking: (order: SagaOrder) => Promise<boolean>;
}
