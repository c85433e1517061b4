import type { Money } from '../../domain/money.ts';
import type { ChargeStatus } from '../../domain/order-saga.ts';

export interface ChargeRequest {
  /** The provider acts at most once per key. */
  readonly idempotencyKey: string;
  readonly amount: Money;
  readonly paymentMethod: string;
}

export interface ChargeReceipt {
  readonly providerReference: string;
}

/** The port to a payment provider. */
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
