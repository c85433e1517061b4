import type { Knex } from 'knex';
import { GREATEST_SEQ, type OutboxLocation } from './location.ts';
import type { StreamPosition } from './ports.ts';

export interface PartitionOptions extends OutboxLocation {
  /** Days after today that have a partition already. */
  readonly ahead: number;
  /**
   * What was created or published within this time stays, in ms: longer than what the stream may lose at once, which
   * is published again from here.
   */
  readonly retentionMs: number;
  readonly now: Date;
  /** Asks where the stream is now. */
  readonly streamHolds: () => Promise<StreamPosition>;
  /** Called with the error when that fails: the report tells only that it did. */
  readonly onStreamUnknown?: ((error: unknown) => void) | undefined;
}

/** What was done, by names of partitions. */
export interface PartitionReport {
  readonly created: readonly string[];
  readonly dropped: readonly string[];
  /** What was due and was not done; the next run tries again. */
  readonly postponed: readonly { readonly partition: string; readonly because: string }[];
}

/**
 * Makes the partitions of today and the days ahead, drops those that are older than the retention, and forgets the
 * journal of what was dropped. Needs the functions of schema/partition-functions.ts granted, and nothing else of the
 * owner's. Dropping waits for writers, and they for it, 200 ms at most.
 * @throws what the database throws; the next call goes on from there.
 */
export async function keepPartitions(db: Knex, options: PartitionOptions): Promise<PartitionReport> {
  const { schema } = options;
  const added = await addAhead(db, options);
  const dropped = await dropOld(db, options);
  await forgetJournal(db, { schema });
  return {
    created: added.created,
    dropped: dropped.dropped,
    postponed: [...added.postponed, ...dropped.postponed],
  };
}

const DAY_MS = 24 * 3_600_000;
const IN_USE = 'the outbox was in use';

const addPartition = `select :schema:.outbox_add_partition(cast(:day as date)) as created`;

async function addAhead(
  db: Knex,
  { schema, ahead, now }: PartitionOptions,
): Promise<Pick<PartitionReport, 'created' | 'postponed'>> {
  const created: string[] = [];
  for (let days = 0; days <= ahead; days++) {
    const day = new Date(now.getTime() + days * DAY_MS).toISOString().slice(0, 10);
    const rows = await unlessInUse(() =>
      db.raw<{ rows: { created: string | null }[] }>(addPartition, { schema, day }),
    );
    if (!rows) return { created, postponed: [{ partition: `the one of ${day}`, because: IN_USE }] };
    const [row] = rows.rows;
    if (row?.created) created.push(row.created);
  }
  return { created, postponed: [] };
}

const selectOld = `
  select partition from :schema:.outbox_partitions()
  where ends_at <= cast(:cutoff as timestamptz)
  order by ends_at`;
const dropPartition = `
  select :schema:.outbox_drop_partition(cast(:partition as text), cast(:cutoff as timestamptz)) as kept`;

type DropOptions = Omit<PartitionOptions, 'ahead'>;

async function dropOld(
  db: Knex,
  { schema, retentionMs, now, streamHolds, onStreamUnknown }: DropOptions,
): Promise<Pick<PartitionReport, 'dropped' | 'postponed'>> {
  const cutoff = new Date(now.getTime() - retentionMs).toISOString();
  const { rows } = await db.raw<{ rows: { partition: string }[] }>(selectOld, { schema, cutoff });
  const old = rows.map(({ partition }) => partition);
  if (old.length === 0) return { dropped: [], postponed: [] };

  const postpone = (partitions: readonly string[], because: string): PartitionReport['postponed'] =>
    partitions.map((partition) => ({ partition, because }));
  const loss = await lossOfStream(db, { schema, streamHolds, onStreamUnknown });
  if (loss !== undefined) return { dropped: [], postponed: postpone(old, loss) };

  const dropped: string[] = [];
  const postponed: PartitionReport['postponed'][number][] = [];
  for (const [index, partition] of old.entries()) {
    const result = await unlessInUse(() =>
      db.raw<{ rows: { kept: string | null }[] }>(dropPartition, { schema, partition, cutoff }),
    );
    // What is in the way of one is in the way of all: writers wait for one attempt per run, not for many.
    if (!result) return { dropped, postponed: [...postponed, ...postpone(old.slice(index), IN_USE)] };
    const because = result.rows[0]?.kept ?? undefined;
    if (because === undefined) dropped.push(partition);
    else postponed.push({ partition, because });
  }
  return { dropped, postponed };
}

const selectNewestPages = `
  select j.shard, j.stream_created as "streamCreated", j.stream_sequence as "streamSequence"
  from :schema:.outbox_cursor c
  cross join lateral (
    select shard, stream_created, stream_sequence
    from :schema:.outbox_journal
    where shard = c.shard
    order by page desc
    limit 1
  ) j`;

/** @returns what is wrong with the stream while a relay may have to publish again what is said to be published. */
async function lossOfStream(
  db: Knex,
  { schema, streamHolds, onStreamUnknown }: Omit<DropOptions, 'retentionMs' | 'now'>,
): Promise<string | undefined> {
  // Read before the stream is asked, because relays go on publishing.
  const { rows } = await db.raw<{
    rows: { shard: number; streamCreated: string; streamSequence: string }[];
  }>(selectNewestPages, { schema });
  let stream: StreamPosition;
  try {
    stream = await streamHolds();
  } catch (error) {
    onStreamUnknown?.(error);
    return 'the position of the stream could not be queried';
  }
  const lost = rows.find(
    ({ streamCreated, streamSequence }) =>
      streamCreated !== stream.created || Number(streamSequence) > stream.lastSequence,
  );
  return lost && `the stream has lost what shard ${lost.shard} published; its relay publishes it again first`;
}

const selectForgettable = `
  select c.shard, p.newest as "newestPage",
    coalesce((select min(seq) from :schema:.outbox o where o.shard = c.shard), ${GREATEST_SEQ}) as "firstSeq"
  from :schema:.outbox_cursor c
  cross join lateral (select max(page) as newest from :schema:.outbox_journal j where j.shard = c.shard) p
  where p.newest is not null`;

// A page whose last row is before all rows that are left has none of them. The newest page of a shard stays: it says
// where the stream was. Index outbox_journal_by_seq (shard, last_seq) finds the pages, the primary key deletes them.
const forgetPages = `
  delete from :schema:.outbox_journal
  where page = any (array(
    select page from :schema:.outbox_journal
    where shard = :shard and last_seq < :firstSeq and page < :newestPage
    order by last_seq
    limit :size
  ))`;
const FORGET_AT_ONCE = 10_000;

async function forgetJournal(db: Knex, { schema }: OutboxLocation): Promise<void> {
  const { rows } = await db.raw<{ rows: { shard: number; newestPage: string; firstSeq: string }[] }>(
    selectForgettable,
    { schema },
  );
  for (const shard of rows) {
    for (let forgotten = FORGET_AT_ONCE; forgotten === FORGET_AT_ONCE;) {
      const bindings = { schema, ...shard, size: FORGET_AT_ONCE };
      forgotten = (await db.raw<{ rowCount: number }>(forgetPages, bindings)).rowCount;
    }
  }
}

const LOCK_NOT_AVAILABLE = '55P03';

/** @returns undefined when the lock could not be had in the time that the function allows itself. */
async function unlessInUse<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === LOCK_NOT_AVAILABLE) return undefined;
    throw error;
  }
}
