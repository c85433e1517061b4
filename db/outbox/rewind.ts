import type { Knex } from 'knex';
import { fenced, type Claim, type Cursor } from './cursor.ts';
import { BEGINNING } from './location.ts';
import type { Publisher, StreamPosition } from './ports.ts';

// A stream can lose its tail: it is made anew, or restored from an older copy. What others published since then has
// taken the sequences of what is lost, so where the stream ends does not tell; the message at a page's end does.

/** Where a relay goes on after the stream has lost something. */
interface RewoundCursor extends Cursor {
  /** At the beginning: what was created before this has been dropped from the outbox, and is not published again. */
  readonly droppedBefore?: Date;
}

/** What a shard published and the stream does not hold. */
interface Losses {
  /** The first such page of the journal. */
  readonly fromPage?: string;
  /** Rows that were published apart from their pages. */
  readonly retries: readonly string[];
}

/**
 * Goes back to the last page that the stream still holds, or to the beginning of what the outbox still holds.
 * @returns the cursor to go on from, or undefined when the stream has lost no page.
 * @throws FencedError when another relay has the shard.
 */
export async function rewindIfLost(
  db: Knex,
  claim: Claim,
  publisher: Publisher,
): Promise<RewoundCursor | undefined> {
  const losses = await findLosses(db, claim, publisher);
  if (losses.fromPage === undefined && losses.retries.length === 0) return undefined;
  return db.transaction(async (trx) => {
    await trx.raw(forgetLostRetries, { ...claim, retries: [...losses.retries] });
    if (losses.fromPage === undefined) return undefined;
    await trx.raw(forgetLostPages, { ...claim, fromPage: losses.fromPage });
    const { rows } = await trx.raw<{
      rows: { from: string; to: string | null; lastSeq: string | null; droppedBefore: Date | null }[];
    }>(rewindToJournal, { ...claim });
    const [row] = rows;
    if (!row) throw fenced(claim);
    const { from, to, lastSeq, droppedBefore } = row;
    if (to !== null && lastSeq !== null) return { from, window: { to, lastSeq } };
    return droppedBefore === null ? { from } : { from, droppedBefore };
  });
}

// Pages of another stream, or behind the end of this one: each of the whole journal is only looked at when there are
// some among the newest. Those are enough to tell, since what is published again ends no later than where it was before.
const selectFirstBeyond = `
  with newest as materialized (
    select stream_created, stream_sequence
    from :schema:.outbox_journal
    where shard = :shard
    order by page desc
    limit 1000
  )
  select min(page) as page
  from :schema:.outbox_journal
  where shard = :shard and (stream_created <> :created or stream_sequence > :lastSequence)
    and exists (select from newest where stream_created <> :created or stream_sequence > :lastSequence)`;

// A page of which all is parked was not published, and one of which all is dropped says nothing either.
const selectPageBefore = `
  select j.page, j.stream_sequence as "streamSequence"
  from :schema:.outbox_journal j
  where j.shard = :shard and j.page < coalesce(cast(:before as bigint), j.page + 1)
    and exists (
      select from :schema:.outbox o
      where o.shard = j.shard and o.seq between j.first_seq and j.last_seq
        and not exists (select from :schema:.outbox_parked p where p.seq = o.seq)
    )
  order by j.page desc
  limit 1`;

const selectIsOfPage = `
  select exists (
    select from :schema:.outbox o
    where o.shard = j.shard and o.seq between j.first_seq and j.last_seq and cast(o.id as text) = :id
  ) as "isOfPage"
  from :schema:.outbox_journal j
  where j.page = :page`;

const selectRetriesBehind = `
  select seq, id, stream_created <> :created or stream_sequence > :lastSequence as "isBeyond",
    stream_sequence as "streamSequence"
  from :schema:.outbox_parked
  where shard = :shard and state = 'PUBLISHED' and (stream_created <> :created or stream_sequence > :intact)
  order by stream_created <> :created or stream_sequence > :lastSequence desc, stream_sequence desc`;

async function findLosses(db: Knex, claim: Claim, publisher: Publisher): Promise<Losses> {
  const stream = await publisher.position();
  const bindings = { ...claim, ...stream };
  const beyond = await db.raw<{ rows: { page: string | null }[] }>(selectFirstBeyond, bindings);
  let fromPage = beyond.rows[0]?.page ?? undefined;
  let intact = 0;
  for (;;) {
    const { rows } = await db.raw<{ rows: { page: string; streamSequence: string }[] }>(selectPageBefore, {
      ...claim,
      before: fromPage ?? null,
    });
    const [page] = rows;
    if (!page) break;
    intact = Number(page.streamSequence);
    if (!(await isTakenByOther(page))) break;
    [fromPage, intact] = [page.page, 0];
  }
  return { ...(fromPage === undefined ? {} : { fromPage }), retries: await lostRetries(stream, intact) };

  async function isTakenByOther({
    page,
    streamSequence,
  }: {
    page: string;
    streamSequence: string;
  }): Promise<boolean> {
    const id = await publisher.idAt?.(Number(streamSequence));
    if (id === undefined) return false;
    const { rows } = await db.raw<{ rows: { isOfPage: boolean }[] }>(selectIsOfPage, { ...claim, page, id });
    return rows[0]?.isOfPage === false;
  }

  async function lostRetries({ created, lastSequence }: StreamPosition, behind: number): Promise<string[]> {
    const { rows } = await db.raw<{
      rows: { seq: string; id: string; isBeyond: boolean; streamSequence: string }[];
    }>(selectRetriesBehind, { ...claim, created, lastSequence, intact: behind });
    const lost: string[] = [];
    for (const { seq, id, isBeyond, streamSequence } of rows) {
      const there = isBeyond ? undefined : ((await publisher.idAt?.(Number(streamSequence))) ?? id);
      // A stream loses its tail: what lies before one that is still there is there, too.
      if (there === id) break;
      lost.push(seq);
    }
    return lost;
  }
}

// Rows that were published after all lie apart from their pages.
const forgetLostRetries = `
  update :schema:.outbox_parked
  set state = 'RETRY', published_at = null, stream_created = null, stream_sequence = null
  where shard = :shard and state = 'PUBLISHED' and seq = any (cast(:retries as bigint[]))
    and exists (select from :schema:.outbox_cursor where shard = :shard and epoch = :epoch for update)`;

// Whatever was published behind a lost page is published again behind it, so that order holds.
const forgetLostPages = `
  delete from :schema:.outbox_journal
  where shard = :shard and page >= :fromPage
    and exists (select from :schema:.outbox_cursor where shard = :shard and epoch = :epoch for update)`;

// The newest page that is left is where to go on.
const rewindToJournal = `
  update :schema:.outbox_cursor c
  set snapshot_from = coalesce(j.snapshot_from, '${BEGINNING}'), snapshot_to = j.snapshot_to, last_seq = j.last_seq,
    moved_at = now()
  from (select 1) one
  left join lateral (
    select snapshot_from, snapshot_to, last_seq
    from :schema:.outbox_journal
    where shard = :shard
    order by page desc
    limit 1
  ) j on true
  where c.shard = :shard and c.epoch = :epoch
  returning c.snapshot_from as "from", c.snapshot_to as "to", c.last_seq as "lastSeq",
    case when j.snapshot_from is null then (select max(created_before) from :schema:.outbox_dropped) end
      as "droppedBefore"`;
