import type { Knex } from 'knex';
import type { OutboxEvent } from './append.ts';
import { isAhead, restart } from './cursor.ts';
import { FIRST_XID, type OutboxLocation } from './location.ts';

// What an operator's tool does after a database was set back to an older copy, while the relays publish nothing.

/** An event that the stream holds and the outbox lacks. */
export interface PublishedEvent extends Omit<OutboxEvent, 'payload'> {
  /** JSON text. */
  readonly payload: string;
  /** Of its message. */
  readonly sequence: number;
}

// No window of a relay has these rows, since their transaction id is over for every snapshot; as rows published apart
// from their pages they are published again when the stream loses them.
const insertPublished = `
  with added as (
    insert into :schema:.outbox
      (id, shard, xid, aggregate_type, aggregate_id, aggregate_version, event_type, payload, headers)
    select id, shard, '${FIRST_XID}', "aggregateType", "aggregateId", "aggregateVersion", "eventType", payload, headers
    from json_to_recordset(cast(:events as json)) as event (id uuid, shard smallint, "aggregateType" text,
      "aggregateId" text, "aggregateVersion" integer, "eventType" text, payload jsonb, headers jsonb)
    order by "aggregateVersion"
    returning *
  )
  insert into :schema:.outbox_parked
    (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state, cause, decided_by,
      decided_reason, decided_at, published_at, stream_created, stream_sequence)
  select added.seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, 'PUBLISHED', :reason,
    :operator, :reason, now(), now(), :created, at.sequence
  from added
  join json_to_recordset(cast(:events as json)) as at (id uuid, sequence bigint) using (id)`;

/** Adds rows that the stream has already, in the caller's transaction; no relay publishes them. */
export async function appendPublished(
  trx: Knex.Transaction,
  { schema }: OutboxLocation,
  events: readonly PublishedEvent[],
  { created, operator, reason }: { created: string; operator: string; reason: string },
): Promise<void> {
  if (events.length === 0) return;
  const json = JSON.stringify(
    events.map(({ payload, ...event }) => ({ ...event, payload: JSON.parse(payload) as unknown })),
  );
  await trx.raw(insertPublished, { schema, events: json, created, operator, reason });
}

// A page without rows, at the cursor: going back to it publishes nothing again and skips nothing.
const insertMark = `
  insert into :schema:.outbox_journal
    (shard, epoch, snapshot_from, snapshot_to, first_seq, last_seq, row_count, stream_created, stream_sequence)
  select shard, epoch, snapshot_from, coalesce(snapshot_to, snapshot_from), reached.seq + 1, reached.seq, 0, :created,
    cast(:sequence as bigint)
  from :schema:.outbox_cursor c
  cross join lateral (
    select coalesce(
      c.last_seq,
      (select j.last_seq from :schema:.outbox_journal j where j.shard = c.shard order by page desc limit 1),
      0
    ) as seq
  ) reached
  where c.shard = :shard`;

/** Notes that the outbox knows all messages of a shard up to a sequence, so that no relay looks them up again. */
export async function markKnown(
  db: Knex,
  { schema }: OutboxLocation,
  shard: number,
  { created, sequence }: { created: string; sequence: number },
): Promise<void> {
  await db.raw(insertMark, { schema, shard, created, sequence });
}

const selectIsDump = `select coalesce(bool_or(${isAhead}), false) as "isDump" from :schema:.outbox_cursor`;

/** Whether the database was restored from a dump, so that its transaction ids began again. */
export async function isRestoredDump(db: Knex, { schema }: OutboxLocation): Promise<boolean> {
  const { rows } = await db.raw<{ rows: [{ isDump: boolean }] }>(selectIsDump, { schema });
  return rows[0].isDump;
}

// Rows that the journal of the copy does not show as published: by its snapshots, or because they were written since.
const selectUnpublished = `
  select cast(o.id as text) as id, o.seq
  from :schema:.outbox o
  left join lateral (
    select snapshot_from, snapshot_to, last_seq from :schema:.outbox_journal
    where shard = o.shard
    order by page desc
    limit 1
  ) j on true
  where (j.last_seq is null or o.seq > j.last_seq or not pg_visible_in_snapshot(o.xid, j.snapshot_from)
      and not (pg_visible_in_snapshot(o.xid, j.snapshot_to) and o.seq <= j.last_seq))
    and not exists (select from :schema:.outbox_parked p where p.seq = o.seq)`;

const letPublish = `
  insert into :schema:.outbox_parked
    (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state, cause)
  select seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, 'RETRY',
    'the database was restored from a dump before it was published'
  from :schema:.outbox
  where seq = any(cast(:seqs as bigint[]))
  on conflict (seq) do nothing`;

/**
 * Lets the relays of a restored dump go on: rows of it that the stream does not have are published apart from their
 * pages, in order. A row may be published a second time; none is left out.
 * @param inStream ids of the messages behind the journal's end
 * @returns how many rows will be published
 */
export async function resumeRestoredDump(
  db: Knex,
  { schema }: OutboxLocation,
  inStream: ReadonlySet<string>,
): Promise<number> {
  return db.transaction(async (trx) => {
    await trx.raw("set local statement_timeout = '300s'");
    await trx.raw('lock table :schema:.outbox in share mode', { schema }); // writers wait: none is left out
    const { rows } = await trx.raw<{ rows: { id: string; seq: string }[] }>(selectUnpublished, { schema });
    const seqs = rows.filter(({ id }) => !inStream.has(id)).map(({ seq }) => seq);
    await trx.raw(restart(schema, 'pg_current_snapshot()'));
    await trx.raw(letPublish, { schema, seqs });
    return seqs.length;
  });
}
