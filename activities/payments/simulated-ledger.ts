import { setTimeout as delay } from 'node:timers/promises';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Knex } from '../../db/connection.ts';
import { cursorOf, positionBefore, positionOf } from '../../db/keyset.ts';
import type { BookPage, BookQuery, SimulatedListing } from '../book-pages.ts';
import type { PaymentBooks, PaymentEntry } from './payment-gateway.ts';

interface LedgerRow extends Pick<PaymentEntry, 'entryId' | 'idempotencyKey' | 'kind' | 'bookedAt'> {
  readonly amountMinor: number;
  readonly currency: string;
  readonly micros: string;
}

// Index ledger_by_time (created_at, entry).
const selectPage = `
  select cast(entry as text) as "entryId", idempotency_key as "idempotencyKey", kind,
    cast(amount_minor as float8) as "amountMinor", currency, created_at as "bookedAt",
    cast(cast(extract(epoch from created_at) * 1000000 as bigint) as text) as micros
  from payments.ledger
  where (created_at, entry) >
    (timestamptz 'epoch' + cast(:micros as float8) * interval '1 microsecond', cast(:key as bigint))
  order by created_at, entry
  limit :limit`;

interface Deps extends SimulatedListing {
  readonly db: Knex;
}

/** The books of the simulated payment provider: its ledger. */
export const createSimulatedPaymentBooks = ({
  db,
  latencyMs,
  faults = { failureRate: 0 },
  random = Math.random,
}: Deps): PaymentBooks => ({
  listEntries: async (query) => {
    await delay(latencyMs);
    if (random() < faults.failureRate)
      throw new OrderSystemError('PAYMENT_UNAVAILABLE', 'the provider did not list its books (simulated)');
    return listLedger(db, query);
  },
});

/** A page of the simulated provider's ledger. Its entries are numbered from 1 on. */
async function listLedger(db: Knex, { since, cursor, limit }: BookQuery): Promise<BookPage<PaymentEntry>> {
  const { micros, key } = cursor === undefined ? positionBefore(since, '0') : positionOf(cursor);
  const { rows } = await db.raw<{ rows: LedgerRow[] }>(selectPage, { micros, key, limit });
  const last = rows.length < limit ? undefined : rows.at(-1);
  return {
    entries: rows.map(({ entryId, idempotencyKey, kind, amountMinor, currency, bookedAt }) => ({
      ...{ entryId, idempotencyKey, kind, bookedAt },
      amount: { amountMinor, currency },
    })),
    ...(last && { next: cursorOf({ micros: last.micros, key: last.entryId }) }),
  };
}
