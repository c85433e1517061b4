import type { Knex } from 'knex';
import { fenced, type Claim, type Cursor } from './cursor.ts';
import { BEGINNING } from './location.ts';
import { rowColumns, type PageRow } from './rows.ts';

// A window is what snapshot `to` sees and snapshot `from` did not: transactions that had not begun at `from`
// (xid >= xmax) or were under way then (xip). Nothing that commits late is missed, an open transaction
// elsewhere holds nothing up, and because a writer of an aggregate commits before the next one gets its lock,
// an aggregate's events come in order: window by window, and by seq within a window.

// What has begun since comes from outbox_begun_page, in order; what was under way is found by transaction, and may lie
// far behind all others where a transaction was open for long.
const pageRows = (to: string, lastSeq: string, begunBehind: string): string => `
  select ${rowColumns},
    (select state from :schema:.outbox_parked p where p.seq = o.seq) as parked
  from (
    select * from :schema:.outbox_begun_page(
      cast(:shard as smallint), cast(:from as pg_snapshot), ${to}, greatest(${lastSeq}, ${begunBehind}),
      cast(:size as integer)
    )
    union all
    (
      select * from :schema:.outbox
      where shard = :shard and seq > ${lastSeq}
        and xid = any (array(select pg_snapshot_xip(cast(:from as pg_snapshot))))
        and pg_visible_in_snapshot(xid, ${to})
      order by seq
      limit :size
    )
  ) o
  order by o.seq
  limit :size`;

/** Behind all rows: none has begun since. */
const NONE_BEGUN = '9223372036854775807';
const firstBegunBehind = `coalesce(found.first_begun - 1, ${NONE_BEGUN})`;

// Reads the statement's own snapshot together with what it adds, so that the two cannot differ.
const openingWith = (firstBegun: string, firstUnderWay: string): string => `
  with found as materialized (
    select pg_current_snapshot() as "to",
      (select epoch from :schema:.outbox_cursor where shard = :shard) as epoch,
      (${firstBegun}) as first_begun,
      (${firstUnderWay}) as first_under_way
  )
  select found."to"::text as "to", found.epoch, ${firstBegunBehind} as "begunBehind", page.*
  from found
  left join lateral (${pageRows('found."to"', 'least(found.first_begun, found.first_under_way) - 1', firstBegunBehind)}
  ) page on true
  order by page.seq`;

// Index outbox_by_transaction (shard, xid) answers both branches, in each partition: `offset 0` keeps the planner from
// looking for the least seq along (shard, seq), which walks over all that is published before it finds the first row.
const openWindowBehind = openingWith(
  `select min(seq) from (
    select seq from :schema:.outbox
    where shard = :shard and xid >= pg_snapshot_xmax(cast(:from as pg_snapshot)) offset 0
  ) begun_since`,
  `select min(seq) from (
    select seq from :schema:.outbox
    where shard = :shard and xid = any (array(select pg_snapshot_xip(cast(:from as pg_snapshot)))) offset 0
  ) under_way`,
);

// From the beginning every row is in the window: the first of index outbox_in_order in each partition.
const openFirstWindow = openingWith(
  'select min(seq) from :schema:.outbox where shard = :shard',
  'cast(null as bigint)',
);

type OpenWindow = Required<Required<Cursor>['window']>;

/** A window and the next rows in it. */
export interface OpenPage {
  readonly window: OpenWindow;
  /** None when the window is read to its end. */
  readonly page: readonly PageRow[];
}

/**
 * Looks for rows that became visible since `from`.
 * @returns a snapshot of now, or the window up to it and its first rows, at most `size`.
 * @throws FencedError when another relay has the shard.
 */
export async function openWindow(
  db: Knex,
  claim: Claim,
  from: string,
  size: number,
): Promise<string | OpenPage> {
  const { schema, shard, epoch } = claim;
  type Found = { to: string; epoch: string | null; begunBehind: string } & (PageRow | { seq: null });
  const { rows } = await db.raw<{ rows: Found[] }>(from === BEGINNING ? openFirstWindow : openWindowBehind, {
    schema,
    shard,
    from,
    size,
  });
  const [first] = rows;
  if (!first) throw new Error('the window query gave no row');
  if (first.epoch !== epoch) throw fenced(claim);
  const { to, begunBehind } = first;
  const page = rows.filter((row) => row.seq !== null);
  const [{ seq } = { seq: undefined }] = page;
  if (seq === undefined) return to;
  const lastSeq = String(BigInt(seq) - 1n);
  return { window: { to, lastSeq, begunBehind }, page };
}

/**
 * The next rows of the window under way, or of the next window; the snapshot up to which there is nothing when there
 * is none. @throws FencedError when another relay has the shard.
 */
export async function nextPage(
  db: Knex,
  claim: Claim,
  { from, window }: Cursor,
  size: number,
): Promise<string | OpenPage> {
  if (!window) return openWindow(db, claim, from, size);
  const opened = window.begunBehind === undefined ? await openWindow(db, claim, from, 1) : undefined;
  const begunBehind =
    window.begunBehind ?? (typeof opened === 'object' ? opened.window.begunBehind : NONE_BEGUN);
  const present = { ...window, begunBehind };
  return { window: present, page: await readPage(db, claim, { from, window: present }, size) };
}

const selectPage = pageRows(
  'cast(:to as pg_snapshot)',
  'cast(:lastSeq as bigint)',
  'cast(:begunBehind as bigint)',
);

/** The next rows of a window, at most `size`; none when it is read to its end. */
export async function readPage(
  db: Knex,
  { schema, shard }: Claim,
  { from, window }: { readonly from: string; readonly window: OpenWindow },
  size: number,
): Promise<PageRow[]> {
  const { rows } = await db.raw<{ rows: PageRow[] }>(selectPage, { schema, shard, from, ...window, size });
  return rows;
}

const selectCursor = `
  select snapshot_from as "from", coalesce(snapshot_to, snapshot_from) as "to", coalesce(last_seq, 0) as "lastSeq"
  from :schema:.outbox_cursor
  where shard = :shard`;

// Apart from the cursor's query, so that the planner knows the snapshot and sees how few rows are beyond it: then
// index outbox_by_transaction (shard, xid) finds them, and the rest is not read.
const isBeyondCursor = `(
      xid >= pg_snapshot_xmax(cast(:from as pg_snapshot))
      or xid = any (array(select pg_snapshot_xip(cast(:from as pg_snapshot))))
    )
    and not (pg_visible_in_snapshot(xid, cast(:to as pg_snapshot)) and seq <= :lastSeq)`;

const measureBacklog = `
  select count(*)::int as rows, coalesce(extract(epoch from now() - min(created_at)), 0)::float8 as "ageSeconds"
  from :schema:.outbox
  where shard = :shard and ${isBeyondCursor}`;

const hasUnpublished = `
  select exists (
    select from :schema:.outbox
    where shard = :shard and ${isBeyondCursor} and pg_visible_in_snapshot(xid, cast(:snapshot as pg_snapshot))
  ) as "hasUnpublished"`;

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
  const cursor = await cursorOf(db, { schema, shard });
  const { rows } = await db.raw<{ rows: Backlog[] }>(measureBacklog, { schema, shard, ...cursor });
  return rows[0] ?? { rows: 0, ageSeconds: 0 };
}

/** Whether the relay of a shard is past all that a snapshot sees: it is published, or parked. */
export async function isPublished(
  db: Knex,
  { schema, shard }: { schema: string; shard: number },
  snapshot: string,
): Promise<boolean> {
  const cursor = await cursorOf(db, { schema, shard });
  const bindings = { schema, shard, snapshot, ...cursor };
  const { rows } = await db.raw<{ rows: { hasUnpublished: boolean }[] }>(hasUnpublished, bindings);
  return rows[0]?.hasUnpublished === false;
}

async function cursorOf(
  db: Knex,
  { schema, shard }: { schema: string; shard: number },
): Promise<{ from: string; to: string; lastSeq: string }> {
  const { rows } = await db.raw<{ rows: { from: string; to: string; lastSeq: string }[] }>(selectCursor, {
    schema,
    shard,
  });
  const [cursor] = rows;
  if (!cursor) throw new Error(`the outbox in schema ${schema} has no shard ${shard}`);
  return cursor;
}
