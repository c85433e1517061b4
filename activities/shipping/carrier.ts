import type { ParcelNotice, ParcelStatus } from '../../domain/shipment-saga.ts';
import type { BookPage, BookQuery } from '../book-pages.ts';

export interface Parcel {
  readonly status: ParcelStatus;
  /** The carrier's own number for it, once it is booked. */
  readonly trackingNumber?: string;
}

/** The port to a carrier, as sagas use it. Keys are ours, one per shipment; each call may be repeated. */
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

/** A booking as the carrier has it now. */
export interface ListedParcel extends Parcel {
  /** The key that it was booked or cancelled with. */
  readonly key: string;
  readonly status: Exclude<ParcelStatus, 'NOT_FOUND'>;
  /** When it got this status, by the carrier's clock. */
  readonly changedAt: Date;
}

/** The port to a carrier's books, as the comparison of the stores reads them. */
export interface CarrierBooks {
  /**
   * Each booking with its present status, ordered by `changedAt`. A status is listed from the moment the call that
   * caused it has answered. A booking that changes during the listing may appear with its old status, its new one or
   * both, the new one last: list again from some minutes before the newest change.
   * @throws OrderSystemError CARRIER_UNAVAILABLE
   */
  listParcels(query: BookQuery): Promise<BookPage<ListedParcel>>;
}

/** How a carrier tells, by itself, what became of a parcel. @throws when it must tell again later. */
export type ParcelNotified = (key: string, notice: ParcelNotice) => Promise<void>;
