import { setTimeout as delay } from 'node:timers/promises';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Knex } from '../../db/connection.ts';
import { newId, type Clock } from '../../platform/clock.ts';
import type { ChargeReceipt, ChargeRequest, PaymentGateway } from './payment-gateway.ts';

/** What a demonstration or a fault test may turn while the worker runs. */
export interface PaymentFaults {
  /** Share of refunds that fail before they act, 0 to 1: enough of them, and an operator is needed. */
  refundFailureRate: number;
  /** The provider cannot be reached: calls fail; half of the charges act, and then time out. */
  outage: boolean;
}

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  /** How long the provider takes to answer, in ms. */
  readonly latencyMs: number;
  /** How long a caller waits before the outcome counts as unknown, in ms. */
  readonly timeoutMs: number;
  readonly faults?: Readonly<PaymentFaults>;
  readonly random?: () => number;
}

interface PaymentRow {
  readonly idempotency_key: string;
  readonly state: 'OPEN' | 'CHARGED' | 'DECLINED' | 'REFUNDED' | 'VOIDED';
  readonly amount_minor: string | null;
  readonly currency: string | null;
  readonly provider_reference: string | null;
}

/**
 * A payment provider with its ledger in PostgreSQL. The payment method tells it what to do:
 * `pm_card_declined` refuses, `pm_timeout_before` never answers and does nothing, `pm_timeout_after` takes the
 * money and never answers, anything else is accepted.
 */
export function createSimulatedProvider({
  db,
  clock,
  latencyMs,
  timeoutMs,
  faults = { refundFailureRate: 0, outage: false },
  random = Math.random,
}: Deps): PaymentGateway {
  return {
    charge: async (request) => {
      if (faults.outage && random() < 0.5) return unreachable();
      if (request.paymentMethod === 'pm_timeout_before') return timeOut(timeoutMs);
      await delay(latencyMs);
      const receipt = await db.transaction((trx) => charge(trx, request, clock.now()));
      if (faults.outage || request.paymentMethod === 'pm_timeout_after') return timeOut(timeoutMs);
      return receipt();
    },

    find: async (idempotencyKey) => {
      if (faults.outage) return unreachable();
      await delay(latencyMs);
      const row = await db<PaymentRow>('payments.payments')
        .where({ idempotency_key: idempotencyKey })
        .first();
      if (row?.state === 'DECLINED') return { status: 'DECLINED' };
      return row?.state === 'CHARGED' && row.provider_reference !== null
        ? { status: 'CHARGED', providerReference: row.provider_reference }
        : { status: 'NOT_FOUND' };
    },

    refund: async (idempotencyKey) => {
      if (faults.outage) return unreachable();
      await delay(latencyMs);
      if (random() < faults.refundFailureRate)
        throw new OrderSystemError('PAYMENT_UNAVAILABLE', 'the provider took no refund (simulated)');
      return db.transaction((trx) => refund(trx, idempotencyKey, clock.now()));
    },
  };
}

/** @returns the answer as a function, because a refusal must be thrown after the commit that records it. */
async function charge(
  trx: Knex.Transaction,
  request: ChargeRequest,
  now: Date,
): Promise<() => ChargeReceipt> {
  const { idempotencyKey, amount, paymentMethod } = request;
  const row = await lockPayment(trx, idempotencyKey, now);
  switch (row.state) {
    case 'CHARGED':
      return () => ({ providerReference: row.provider_reference ?? idempotencyKey });
    case 'DECLINED':
      return declined;
    case 'REFUNDED':
    case 'VOIDED':
      return () => {
        throw new OrderSystemError(
          'CHARGE_FENCED',
          `${idempotencyKey} was given back; it takes no charge any more`,
        );
      };
    case 'OPEN':
  }
  if (paymentMethod === 'pm_card_declined') {
    await setState(trx, idempotencyKey, { state: 'DECLINED' }, now);
    return declined;
  }
  const providerReference = `sim_${newId()}`;
  await setState(
    trx,
    idempotencyKey,
    {
      state: 'CHARGED',
      amount_minor: String(amount.amountMinor),
      currency: amount.currency,
      provider_reference: providerReference,
    },
    now,
  );
  await addToLedger(trx, idempotencyKey, 'CHARGE', amount.amountMinor, amount.currency, now);
  return () => ({ providerReference });
}

async function refund(trx: Knex.Transaction, idempotencyKey: string, now: Date): Promise<boolean> {
  const row = await lockPayment(trx, idempotencyKey, now);
  if (row.state === 'REFUNDED') return true;
  if (row.state !== 'CHARGED') {
    if (row.state === 'OPEN') await setState(trx, idempotencyKey, { state: 'VOIDED' }, now);
    return false;
  }
  await setState(trx, idempotencyKey, { state: 'REFUNDED' }, now);
  await addToLedger(trx, idempotencyKey, 'REFUND', Number(row.amount_minor), row.currency ?? '', now);
  return true;
}

/** Makes the key's row if need be and locks it: one call at a time works on a key. */
async function lockPayment(trx: Knex.Transaction, idempotencyKey: string, now: Date): Promise<PaymentRow> {
  await trx('payments.payments')
    .insert({ idempotency_key: idempotencyKey, state: 'OPEN', updated_at: now })
    .onConflict('idempotency_key')
    .ignore();
  const row = await trx<PaymentRow>('payments.payments')
    .where({ idempotency_key: idempotencyKey })
    .forUpdate()
    .first();
  if (!row) throw new Error(`payment ${idempotencyKey} vanished`);
  return row;
}

async function setState(
  trx: Knex.Transaction,
  idempotencyKey: string,
  change: Partial<PaymentRow>,
  now: Date,
): Promise<void> {
  await trx('payments.payments')
    .where({ idempotency_key: idempotencyKey })
    .update({ ...change, updated_at: now });
}

async function addToLedger(
  trx: Knex.Transaction,
  idempotencyKey: string,
  kind: 'CHARGE' | 'REFUND',
  amountMinor: number,
  currency: string,
  now: Date,
): Promise<void> {
  await trx('payments.ledger').insert({
    idempotency_key: idempotencyKey,
    kind,
    amount_minor: amountMinor,
    currency,
    created_at: now,
  });
}

const declined = (): never => {
  throw new OrderSystemError('PAYMENT_DECLINED', 'the card was declined');
};

const unreachable = (): never => {
  throw new OrderSystemError('PAYMENT_UNAVAILABLE', 'the payment provider cannot be reached (simulated)');
};

async function timeOut(timeoutMs: number): Promise<never> {
  await delay(timeoutMs);
  throw new OrderSystemError(
    'PAYMENT_OUTCOME_UNKNOWN',
    `the payment provider did not answer within ${timeoutMs} ms`,
  );
}
