import type { Money } from '../../domain/money.ts';
import type { ChargeStatus } from '../../domain/order-saga.ts';
import type { BookPage, BookQuery } from '../book-pages.ts';

export interface ChargeRequest {
  /** The provider acts at most once per key. */
  readonly idempotencyKey: string;
  readonly amount: Money;
  readonly paymentMethod: string;
}

export interface ChargeReceipt {
  readonly providerReference: string;
}

/** The port to a payment provider, as sagas use it. */
export interface PaymentGateway {
  /**
   * @throws OrderSystemError PAYMENT_DECLINED, CHARGE_FENCED (it was refunded or voided before),
   * PAYMENT_UNAVAILABLE (surely nothing happened), PAYMENT_OUTCOME_UNKNOWN (no answer in time: ask with `find`)
   */
  charge(request: ChargeRequest): Promise<ChargeReceipt>;
  /** What became of a charge. @throws OrderSystemError PAYMENT_UNAVAILABLE */
  find(idempotencyKey: string): Promise<{ status: ChargeStatus; providerReference?: string }>;
  /**
   * Gives a charge back, whole. Where there was none, a later charge with this key is refused.
   * @returns whether money moved, also when it moved in an earlier call.
   * @throws OrderSystemError PAYMENT_UNAVAILABLE
   */
  refund(idempotencyKey: string): Promise<boolean>;
}

/** Money that moved. Attempts that were declined or failed moved none and are not in the books. */
export interface PaymentEntry {
  /** The provider's id of this entry: the same whenever it is listed. */
  readonly entryId: string;
  /** Of the charge; a refund names the charge that it gives back. */
  readonly idempotencyKey: string;
  readonly kind: 'CHARGE' | 'REFUND';
  readonly amount: Money;
  /** When the money moved, by the provider's clock. */
  readonly bookedAt: Date;
}

/** The port to a payment provider's books, as the comparison of the stores reads them. */
export interface PaymentBooks {
  /**
   * Charges and refunds, ordered by `bookedAt`. An entry is listed from the moment the call that made it has answered.
   * One that is booked during the listing may be left out: list again from some minutes before the newest entry.
   * @throws OrderSystemError PAYMENT_UNAVAILABLE
   */
  listEntries(query: BookQuery): Promise<BookPage<PaymentEntry>>;
}
