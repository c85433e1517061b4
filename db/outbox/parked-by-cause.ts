import type { Knex } from 'knex';
import type { OutboxLocation } from './location.ts';
import type { ParkedDecision } from './parking.ts';

/** Rows that are parked for the same reason. */
export interface ParkedCause {
  readonly cause: string;
  readonly count: number;
  readonly oldestParkedAt: Date;
}

const selectCauses = `
  select cause, cast(count(*) as integer) as count, min(parked_at) as "oldestParkedAt"
  from :schema:.outbox_parked
  where state = 'PARKED'
  group by cause
  order by min(parked_at), cause
  limit :limit`;

/** Why rows wait for an operator, the reason that has been there the longest first. */
export async function parkedCauses(
  db: Knex,
  { schema }: OutboxLocation,
  limit: number,
): Promise<ParkedCause[]> {
  const { rows } = await db.raw<{ rows: ParkedCause[] }>(selectCauses, { schema, limit });
  return rows;
}

// The relays carry it out in order: what waits behind a row follows by itself.
const retryCause = `
  with chosen as (
    select seq from :schema:.outbox_parked
    where state = 'PARKED' and cause = :cause
    order by parked_at, seq
    limit :limit
    for update
  )
  update :schema:.outbox_parked p
  set state = 'RETRY', decided_by = :operator, decided_reason = :reason, decided_at = now()
  from chosen
  where p.seq = chosen.seq`;

/**
 * Has the relays try all rows of one cause again, the oldest first. A row that is refused again is parked again.
 * @returns how many will be tried, and how many of the same cause still wait for a decision
 */
export async function retryParkedCause(
  db: Knex,
  { schema }: OutboxLocation,
  { cause, limit }: { readonly cause: string; readonly limit: number },
  { operator, reason }: Omit<ParkedDecision, 'decision'>,
): Promise<{ decided: number; remaining: number }> {
  const { rowCount } = await db.raw<{ rowCount: number }>(retryCause, {
    schema,
    cause,
    limit,
    operator,
    reason,
  });
  const left = await db
    .withSchema(schema)
    .table('outbox_parked')
    .where({ state: 'PARKED', cause })
    .count<{ count: string }[]>({ count: '*' });
  return { decided: rowCount, remaining: Number(left[0]?.count ?? 0) };
}
