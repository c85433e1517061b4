import type { ParcelNotice, ParcelStatus } from '../../domain/shipment-saga.ts';

export interface Parcel {
  readonly status: ParcelStatus;
  /** The carrier's own number for it, once it is booked. */
  readonly trackingNumber?: string;
}

/** The port to a carrier. Keys are ours, one per shipment; each call may be repeated. */
export interface Carrier {
  /** For people. */
  readonly name: string;
  /**
   * Books one parcel per key.
   * @throws OrderSystemError BOOKING_REFUSED, BOOKING_FENCED (it was cancelled before), CARRIER_UNAVAILABLE (surely
   * nothing happened), BOOKING_OUTCOME_UNKNOWN (no answer in time: ask with `locate`)
   */
  book(key: string): Promise<Parcel>;
  /** Where the parcel is; `NOT_FOUND` when no booking arrived. @throws OrderSystemError CARRIER_UNAVAILABLE */
  locate(key: string): Promise<Parcel>;
  /**
   * Takes a booking back that has not left yet. Where there was none, a later booking with this key is refused.
   * @returns the parcel afterwards: `CANCELLED` or `REFUSED`, or where it is when it has left.
   * @throws OrderSystemError CARRIER_UNAVAILABLE
   */
  cancel(key: string): Promise<Parcel>;
}

/** How a carrier tells, by itself, what became of a parcel. @throws when it must tell again later. */
export type ParcelNotified = (key: string, notice: ParcelNotice) => Promise<void>;
