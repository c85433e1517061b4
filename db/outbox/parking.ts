import type { Knex } from 'knex';
import type { OutboxEvent } from './append.ts';
import { fenced, type Claim } from './cursor.ts';
import type { OutboxLocation } from './location.ts';
import { rowColumns, type OutboxRow, type ParkedState } from './rows.ts';

/** Attempts at one row. One that was started and not finished has ended the process. */
export interface Attempts {
  /** The present one included. */
  readonly started: number;
  readonly finished: number;
  /** Finished ones in which the row was refused. */
  readonly refused: number;
}

type AggregateKey = string;
export const aggregateOf = ({
  aggregateType,
  aggregateId,
}: Pick<OutboxRow, 'aggregateType' | 'aggregateId'>): AggregateKey => `${aggregateType} ${aggregateId}`;

/** Aggregates of which a row is parked: what follows must wait. */
export async function blockedAggregates(db: Knex, { schema, shard }: Claim): Promise<Set<AggregateKey>> {
  const rows = await db
    .withSchema(schema)
    .table<{ state: ParkedState; shard: number }>('outbox_parked')
    .where({ shard })
    .whereIn('state', ['PARKED', 'BEHIND', 'RETRY'])
    .distinct<{ aggregateType: string; aggregateId: string }[]>({
      aggregateType: 'aggregate_type',
      aggregateId: 'aggregate_id',
    });
  return new Set(rows.map(aggregateOf));
}

/** Whether there are rows that the relay tries again by itself, apart from their pages: they are not published yet. */
export async function hasSetAside(db: Knex, { schema, shard }: Claim): Promise<boolean> {
  const row: unknown = await db
    .withSchema(schema)
    .table('outbox_parked')
    .where({ shard, state: 'RETRY' })
    .whereNull('decided_by')
    .first('seq');
  return row !== undefined;
}

const startAttempt = `
  insert into :schema:.outbox_attempts as a (seq, shard, started)
  select cast(:seq as bigint), shard, 1 from :schema:.outbox_cursor where shard = :shard and epoch = :epoch
  on conflict (seq) do update set started = a.started + 1
  returning started, finished, refused`;

/** Written before a row is tried, so that one that ends the process is found. @throws FencedError */
export async function beginAttempt(db: Knex, claim: Claim, { seq }: OutboxRow): Promise<Attempts> {
  const { rows } = await db.raw<{ rows: Attempts[] }>(startAttempt, { ...claim, seq });
  const [attempts] = rows;
  if (!attempts) throw fenced(claim);
  return attempts;
}

/** What became of the attempt. Attempts of a row that was published are forgotten. */
export async function endAttempt(
  db: Knex,
  { schema }: Claim,
  { seq }: OutboxRow,
  outcome: 'PUBLISHED' | 'REFUSED' | 'FAILED',
): Promise<void> {
  const attempts = db.withSchema(schema).table('outbox_attempts').where({ seq });
  if (outcome === 'PUBLISHED') await attempts.delete();
  else
    await attempts.update({
      finished: db.raw('finished + 1'),
      refused: db.raw('refused + ?', [outcome === 'REFUSED' ? 1 : 0]),
    });
}

/** Forgets attempts of rows of which none was at fault. */
export async function forgetAttempts(
  db: Knex,
  { schema }: Claim,
  rows: readonly Pick<OutboxRow, 'seq'>[],
): Promise<void> {
  await db
    .withSchema(schema)
    .table('outbox_attempts')
    .whereIn(
      'seq',
      rows.map(({ seq }) => seq),
    )
    .delete();
}

// Of aggregates in which no row waits for an operator, so that order holds.
const selectRetries = `
  select ${rowColumns}
  from :schema:.outbox_parked p
  join :schema:.outbox o on o.shard = p.shard and o.seq = p.seq
  where p.shard = :shard and p.state in ('RETRY', 'BEHIND')
    and not exists (
      select from :schema:.outbox_parked f
      where f.shard = p.shard and f.state = 'PARKED'
        and f.aggregate_type = p.aggregate_type and f.aggregate_id = p.aggregate_id
    )
  order by p.seq
  limit :size`;

/** Parked rows whose turn has come, in order. */
export async function readRetries(db: Knex, { schema, shard }: Claim, size: number): Promise<OutboxRow[]> {
  const { rows } = await db.raw<{ rows: OutboxRow[] }>(selectRetries, { schema, shard, size });
  return rows;
}

const settleRetry = `
  update :schema:.outbox_parked p
  set state = :state, cause = coalesce(:cause, p.cause),
    published_at = case when :state = 'PUBLISHED' then now() end,
    stream_created = :streamCreated, stream_sequence = :streamSequence
  where p.seq = :seq
    and exists (select from :schema:.outbox_cursor where shard = :shard and epoch = :epoch for update)`;

/** What became of a parked row that was tried again. @throws FencedError */
export async function settle(
  db: Knex,
  claim: Claim,
  { seq }: OutboxRow,
  outcome: { readonly cause: string } | { readonly created: string; readonly lastSequence: number },
): Promise<void> {
  const isParked = 'cause' in outcome;
  const { rowCount } = await db.raw<{ rowCount: number }>(settleRetry, {
    ...claim,
    seq,
    state: isParked ? 'PARKED' : 'PUBLISHED',
    cause: isParked ? outcome.cause : null,
    streamCreated: isParked ? null : outcome.created,
    streamSequence: isParked ? null : outcome.lastSequence,
  });
  if (rowCount !== 1) throw fenced(claim);
  // Should it be tried again one day, it begins anew.
  await db.withSchema(claim.schema).table('outbox_attempts').where({ seq }).delete();
}

/** A row at fault, for people. */
export interface ParkedRow extends Omit<OutboxRow, 'payload' | 'headers'> {
  readonly cause: string;
  readonly attempts: Omit<Attempts, 'refused'>;
  readonly parkedAt: Date;
  /** Later rows of its aggregate that wait behind it. */
  readonly waiting: number;
}

const parkedColumns = `
  select p.seq, p.id, p.shard, p.aggregate_type as "aggregateType", p.aggregate_id as "aggregateId",
    p.aggregate_version as "aggregateVersion", p.event_type as "eventType", p.cause, p.parked_at as "parkedAt",
    jsonb_build_object('started', p.started, 'finished', p.finished) as attempts,
    (select count(*)::int from :schema:.outbox_parked b
      where b.shard = p.shard and b.state = 'BEHIND'
        and b.aggregate_type = p.aggregate_type and b.aggregate_id = p.aggregate_id) as waiting`;

const selectParked = `${parkedColumns}
  from :schema:.outbox_parked p
  where p.state = 'PARKED'
  order by p.parked_at, p.seq
  limit :limit`;

/** The rows that wait for an operator, the oldest first. */
export async function listParked(db: Knex, { schema }: OutboxLocation, limit: number): Promise<ParkedRow[]> {
  const { rows } = await db.raw<{ rows: ParkedRow[] }>(selectParked, { schema, limit });
  return rows;
}

const selectSetAside = `${parkedColumns}
  from :schema:.outbox_parked p
  where p.state = 'RETRY' and p.decided_by is null
  order by p.parked_at, p.seq
  limit :limit`;

/** The rows that a relay tries again by itself, apart from their pages, the oldest first: no decision is needed. */
export async function listSetAside(
  db: Knex,
  { schema }: OutboxLocation,
  limit: number,
): Promise<ParkedRow[]> {
  const { rows } = await db.raw<{ rows: ParkedRow[] }>(selectSetAside, { schema, limit });
  return rows;
}

type ParkedContent = ParkedRow & Pick<OutboxEvent, 'payload' | 'headers'>;

const selectParkedRow = `${parkedColumns}, o.payload, o.headers
  from :schema:.outbox_parked p
  join :schema:.outbox o on o.shard = p.shard and o.seq = p.seq
  where p.state = 'PARKED' and p.seq = :seq`;

/** One of them with what is in it. */
export async function findParked(
  db: Knex,
  { schema }: OutboxLocation,
  seq: string,
): Promise<ParkedContent | undefined> {
  const { rows } = await db.raw<{ rows: ParkedContent[] }>(selectParkedRow, { schema, seq });
  return rows[0];
}

/** What an operator makes of a parked row. */
export interface ParkedDecision {
  readonly decision: 'retry' | 'discard';
  readonly operator: string;
  readonly reason: string;
}

/**
 * The row is tried again, or never published: consumers then see a gap in its aggregate's versions. What waits behind
 * it follows by itself. @returns whether such a row was waiting for a decision.
 */
export async function decideParked(
  db: Knex,
  { schema }: OutboxLocation,
  seq: string,
  { decision, operator, reason }: ParkedDecision,
): Promise<boolean> {
  const changed = await db
    .withSchema(schema)
    .table('outbox_parked')
    .where({ seq, state: 'PARKED' })
    .update({
      state: decision === 'retry' ? 'RETRY' : 'DISCARDED',
      decided_by: operator,
      decided_reason: reason,
      decided_at: db.fn.now(),
    });
  return changed === 1;
}
