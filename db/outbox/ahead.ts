import type { Knex } from 'knex';
import type { OutboxLocation } from './location.ts';
import type { Publisher, StoredMessage, StreamAhead } from './ports.ts';

// A database that was set back to an older copy does not know the last messages that its relays published. The copy's
// sequences and transaction ids come round again for other rows, so only the ids of events tell: each message of a
// shard behind the last page of its journal must have a row in the outbox.

interface Shard extends OutboxLocation {
  readonly shard: number;
}

/** How far a shard's messages in a stream are known to be in the outbox. */
export interface KnownPart {
  /** Every message of the shard up to this sequence is known; 0 for none. */
  readonly sequence: number;
  /** `seq` of the last row that the journal mentions. */
  readonly lastSeq: string;
}

const selectJournalEnd = `
  select stream_created as created, stream_sequence as sequence, last_seq as "lastSeq"
  from :schema:.outbox_journal
  where shard = :shard
  order by page desc
  limit 1`;

/** What the journal says of the stream that was created then. Index outbox_journal_by_page (shard, page). */
export async function knownPart(db: Knex, { schema, shard }: Shard, created: string): Promise<KnownPart> {
  const { rows } = await db.raw<{ rows: { created: string; sequence: string; lastSeq: string }[] }>(
    selectJournalEnd,
    { schema, shard },
  );
  const [end] = rows;
  return { sequence: end?.created === created ? Number(end.sequence) : 0, lastSeq: end?.lastSeq ?? '0' };
}

// After a crash the messages behind the journal are those of the next pages, or were retried apart from their pages.
const selectNear = `
  select cast(id as text) as id
  from (
    select id from :schema:.outbox where shard = :shard and seq > :lastSeq order by seq limit 5000
  ) near
  where cast(id as text) = any(:ids)
  union all
  select cast(id as text) from :schema:.outbox_parked where shard = :shard and cast(id as text) = any(:ids)`;

// No index finds an id: this reads the whole outbox, and only when a message is not among the rows nearby.
const selectAnywhere = `
  select cast(o.id as text) as id
  from unnest(cast(:ids as text[])) as wanted (id)
  join :schema:.outbox o on cast(o.id as text) = wanted.id`;

const selectLastDrop = 'select max(dropped_at) as "droppedAt" from :schema:.outbox_dropped';

/** One statement over the whole outbox; the connection's own limit is for requests. */
const SCAN_LIMIT = "set local statement_timeout = '300s'";

/**
 * Messages of a shard whose rows the outbox neither holds nor can have dropped after its retention.
 * Stages the search, so that a relay that was restarted while it published reads a few rows only.
 */
export async function unknownMessages<M extends StoredMessage>(
  db: Knex,
  { schema, shard }: Shard,
  { lastSeq }: Pick<KnownPart, 'lastSeq'>,
  messages: readonly M[],
): Promise<M[]> {
  const near = await idsOf(db, selectNear, { schema, shard, lastSeq, ids: messages.map(({ id }) => id) });
  const notNear = messages.filter(({ id }) => !near.has(id));
  if (notNear.length === 0) return [];
  const known = await db.transaction(async (trx) => {
    await trx.raw(SCAN_LIMIT);
    return idsOf(trx, selectAnywhere, { schema, ids: notNear.map(({ id }) => id) });
  });
  const missing = notNear.filter(({ id }) => !known.has(id));
  if (missing.length === 0) return [];
  const { rows } = await db.raw<{ rows: [{ droppedAt: Date | null }] }>(selectLastDrop, { schema });
  const { droppedAt } = rows[0];
  return missing.filter(({ storedAt }) => droppedAt === null || storedAt > droppedAt);
}

async function idsOf(db: Knex, sql: string, bindings: Knex.ValueDict): Promise<Set<string>> {
  const { rows } = await db.raw<{ rows: { id: string }[] }>(sql, bindings);
  return new Set(rows.map(({ id }) => id));
}

/** @returns the first message that the database does not know, undefined when it knows all */
export type AheadCheck = () => Promise<StreamAhead | undefined>;

/**
 * Compares the stream with the outbox. Reads only what was stored since the last call, unless the journal ends earlier
 * than it did then: the database was set back in between.
 */
export function createAheadCheck(db: Knex, at: Shard, publisher: Publisher): AheadCheck {
  let checked: { readonly created: string; readonly journal: number; readonly upTo: number } | undefined;
  return async () => {
    if (!publisher.storedBehind) return undefined;
    const { created, lastSequence } = await publisher.position();
    const known = await knownPart(db, at, created);
    const isContinued = checked?.created === created && known.sequence >= checked.journal;
    const after = Math.max(known.sequence, isContinued ? (checked?.upTo ?? 0) : 0);
    if (after < lastSequence) {
      for await (const messages of publisher.storedBehind(after)) {
        const [first] = await unknownMessages(db, at, known, messages);
        if (first) return { created, sequence: first.sequence, id: first.id };
      }
    }
    checked = { created, journal: known.sequence, upTo: lastSequence };
    return undefined;
  };
}

const insertAhead = `
  insert into :schema:.outbox_ahead (shard, stream_created, stream_sequence, event_id)
  values (:shard, :created, :sequence, :id)
  on conflict (shard) do nothing`;

/** Tells all processes that use the database, until `clearAhead`. */
export async function noteAhead(db: Knex, { schema, shard }: Shard, ahead: StreamAhead): Promise<void> {
  await db.raw(insertAhead, { schema, shard, ...ahead });
}

/** Call it when a check has found nothing. */
export async function clearAhead(db: Knex, { schema, shard }: Shard): Promise<void> {
  await db.raw('delete from :schema:.outbox_ahead where shard = :shard', { schema, shard });
}

/** A shard that publishes nothing because the stream is ahead of the database. */
export interface AheadShard {
  readonly shard: number;
  readonly since: Date;
}

/** The shards that wait for a decision now. */
export async function shardsAhead(db: Knex, { schema }: OutboxLocation): Promise<AheadShard[]> {
  const { rows } = await db.raw<{ rows: AheadShard[] }>(
    'select shard, since from :schema:.outbox_ahead order by shard',
    { schema },
  );
  return rows;
}
