import type { Knex } from 'knex';
import type { OutboxLocation } from './location.ts';

/** One row of the outbox. */
export interface EventKey {
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly aggregateVersion: number;
}

// A relay publishes rows apart from their pages as it does those that an operator lets it try again: in order, with the
// later rows of their aggregates behind them. One that waits already, or was discarded, stays as it is.
const letTryAgain = `
  insert into :schema:.outbox_parked as p
    (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state, cause, decided_by,
      decided_reason, decided_at)
  select o.seq, o.shard, o.id, o.aggregate_type, o.aggregate_id, o.aggregate_version, o.event_type, 'RETRY',
    :reason, :operator, :reason, now()
  from jsonb_to_recordset(cast(:rows as jsonb)) as lost ("aggregateType" text, "aggregateId" text, "aggregateVersion" integer)
  join :schema:.outbox o on o.aggregate_type = lost."aggregateType" and o.aggregate_id = lost."aggregateId"
    and o.aggregate_version = lost."aggregateVersion"
  on conflict (seq) do update
    set state = 'RETRY', cause = excluded.cause, decided_by = excluded.decided_by,
      decided_reason = excluded.decided_reason, decided_at = excluded.decided_at
    where p.state = 'PUBLISHED'
  returning seq`;

/**
 * Has the relays publish rows that were published, or passed over, and are not in the stream: within some 10 s.
 * A stream that took a row within its duplicate window and lost it takes the row again only after that.
 * @returns the rows' numbers
 */
export async function publishAgain(
  db: Knex,
  { schema }: OutboxLocation,
  rows: readonly EventKey[],
  { operator, reason }: { readonly operator: string; readonly reason: string },
): Promise<string[]> {
  const bindings = { schema, rows: JSON.stringify(rows), operator, reason };
  const { rows: again } = await db.raw<{ rows: { seq: string }[] }>(letTryAgain, bindings);
  return again.map(({ seq }) => seq);
}

const countWaiting = `
  select cast(count(*) as integer) as n from :schema:.outbox_parked where seq = any(cast(:seqs as bigint[])) and state = 'RETRY'`;

/** @returns how many of these rows no relay has published yet */
export async function stillWaiting(
  db: Knex,
  { schema }: OutboxLocation,
  seqs: readonly string[],
): Promise<number> {
  const { rows } = await db.raw<{ rows: { n: number }[] }>(countWaiting, { schema, seqs: [...seqs] });
  return rows[0]?.n ?? 0;
}
