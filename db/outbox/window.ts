import type { Knex } from 'knex';
import { fenced, type Claim, type Cursor } from './cursor.ts';
import { BEGINNING } from './location.ts';
import { rowColumns, type PageRow } from './rows.ts';

// A window is what snapshot `to` sees and snapshot `from` did not: transactions that had not begun at `from`
// (xid >= xmax) or were under way then (xip). Nothing that commits late is missed, an open transaction
// elsewhere holds nothing up, and because a writer of an aggregate commits before the next one gets its lock,
// an aggregate's events come in order: window by window, and by seq within a window.

// Reads the statement's own snapshot together with what it adds, so that the two cannot differ.
// Index outbox_by_transaction (shard, xid) answers both branches, in each partition: `offset 0` keeps the planner from
// looking for the least seq along (shard, seq), which walks over all that is published before it finds the first row.
const findWindow = `
  select pg_current_snapshot()::text as "to",
    (select min(seq) from (
      select seq from :schema:.outbox
      where shard = :shard and xid >= pg_snapshot_xmax(cast(:from as pg_snapshot)) offset 0
    ) begun_since)::text as "firstBegun",
    (select min(seq) from (
      select seq from :schema:.outbox
      where shard = :shard and xid = any (array(select pg_snapshot_xip(cast(:from as pg_snapshot)))) offset 0
    ) under_way)::text as "firstUnderWay",
    (select epoch from :schema:.outbox_cursor where shard = :shard) as epoch`;

// From the beginning every row is in the window: the first of index outbox_in_order in each partition.
const findFirstWindow = `
  select pg_current_snapshot()::text as "to",
    (select min(seq) from :schema:.outbox where shard = :shard)::text as "firstBegun", null as "firstUnderWay",
    (select epoch from :schema:.outbox_cursor where shard = :shard) as epoch`;

type OpenWindow = Required<Required<Cursor>['window']>;

/** Behind all rows: none has begun since. */
const NONE_BEGUN = '9223372036854775807';
const before = (seq: string): string => String(BigInt(seq) - 1n);

/**
 * Looks for rows that became visible since `from`.
 * @returns a snapshot of now, or the window up to it when there is something in it.
 * @throws FencedError when another relay has the shard.
 */
export async function openWindow(db: Knex, claim: Claim, from: string): Promise<string | OpenWindow> {
  const { schema, shard, epoch } = claim;
  const { rows } = await db.raw<{
    rows: { to: string; firstBegun: string | null; firstUnderWay: string | null; epoch: string | null }[];
  }>(from === BEGINNING ? findFirstWindow : findWindow, { schema, shard, from });
  const [row] = rows;
  if (!row) throw new Error('the window query gave no row');
  if (row.epoch !== epoch) throw fenced(claim);
  const { to, firstBegun, firstUnderWay } = row;
  const [first] = [firstBegun, firstUnderWay]
    .filter((seq) => seq !== null)
    .map(BigInt)
    .sort((a, b) => (a < b ? -1 : 1));
  if (first === undefined) return to;
  return {
    to,
    lastSeq: before(String(first)),
    begunBehind: firstBegun === null ? NONE_BEGUN : before(firstBegun),
  };
}

/** The window under way, or the next one; the snapshot up to which there is nothing when there is none. */
export async function presentWindow(
  db: Knex,
  claim: Claim,
  { from, window }: Cursor,
): Promise<string | OpenWindow> {
  if (window?.begunBehind !== undefined) return { ...window, begunBehind: window.begunBehind };
  const opened = await openWindow(db, claim, from);
  if (!window) return opened;
  return { ...window, begunBehind: typeof opened === 'string' ? NONE_BEGUN : opened.begunBehind };
}

// What has begun since comes from outbox_begun_page, in order; what was under way is found by transaction, and may lie
// far behind all others where a transaction was open for long.
const selectPage = `
  select ${rowColumns},
    (select state from :schema:.outbox_parked p where p.seq = o.seq) as parked
  from (
    select * from :schema:.outbox_begun_page(
      cast(:shard as smallint), cast(:from as pg_snapshot), cast(:to as pg_snapshot),
      greatest(cast(:lastSeq as bigint), cast(:begunBehind as bigint)), cast(:size as integer)
    )
    union all
    (
      select * from :schema:.outbox
      where shard = :shard and seq > cast(:lastSeq as bigint)
        and xid = any (array(select pg_snapshot_xip(cast(:from as pg_snapshot))))
        and pg_visible_in_snapshot(xid, cast(:to as pg_snapshot))
      order by seq
      limit :size
    )
  ) o
  order by o.seq
  limit :size`;

/** The next rows of a window, at most `size`; none when it is read to its end. */
export async function readPage(
  db: Knex,
  { schema, shard }: Claim,
  cursor: Required<Cursor>,
  size: number,
): Promise<PageRow[]> {
  const { to, lastSeq, begunBehind: behind = lastSeq } = cursor.window;
  const { rows } = await db.raw<{ rows: PageRow[] }>(selectPage, {
    schema,
    shard,
    from: cursor.from,
    to,
    lastSeq,
    begunBehind: behind,
    size,
  });
  return rows;
}

const selectCursor = `
  select snapshot_from as "from", coalesce(snapshot_to, snapshot_from) as "to", coalesce(last_seq, 0) as "lastSeq"
  from :schema:.outbox_cursor
  where shard = :shard`;

// Apart from the cursor's query, so that the planner knows the snapshot and sees how few rows are beyond it: then
// index outbox_by_transaction (shard, xid) finds them, and the rest is not read.
const measureBacklog = `
  select count(*)::int as rows, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as "ageSeconds"
  from :schema:.outbox
  where shard = :shard
    and (
      xid >= pg_snapshot_xmax(cast(:from as pg_snapshot))
      or xid = any (array(select pg_snapshot_xip(cast(:from as pg_snapshot))))
    )
    and not (pg_visible_in_snapshot(xid, cast(:to as pg_snapshot)) and seq <= :lastSeq)`;

export interface Backlog {
  /** Committed and not yet published. */
  readonly rows: number;
  /** Age of the oldest such row, in seconds. */
  readonly ageSeconds: number;
}

/** How far the relay of a shard is behind its writers. Counts from the stored cursor, so idle windows cost nothing. */
export async function backlogOf(
  db: Knex,
  { schema, shard }: { schema: string; shard: number },
): Promise<Backlog> {
  const cursor = await db.raw<{ rows: { from: string; to: string; lastSeq: string }[] }>(selectCursor, {
    schema,
    shard,
  });
  const [from] = cursor.rows;
  if (!from) throw new Error(`the outbox in schema ${schema} has no shard ${shard}`);
  const { rows } = await db.raw<{ rows: Backlog[] }>(measureBacklog, { schema, shard, ...from });
  return rows[0] ?? { rows: 0, ageSeconds: 0 };
}
