import type { Knex } from 'knex';
import { crashed, fenced, type Claim, type Cursor } from './cursor.ts';
import { GREATEST_SEQ } from './location.ts';
import type { OutboxRow, PageRow } from './rows.ts';

// A window is what snapshot `to` sees and snapshot `from` did not: transactions that had not begun at `from`
// (xid >= xmax) or were under way then (xip). Nothing that commits late is missed, an open transaction
// elsewhere holds nothing up, and because a writer of an aggregate commits before the next one gets its lock,
// an aggregate's events come in order: window by window, and by seq within a window.
// Its SQL is in schema/reading-functions.ts.

type OpenWindow = Required<Required<Cursor>['window']>;

/** A window and the next rows in it. */
export interface OpenPage {
  readonly window: OpenWindow;
  /** None when the window is read to its end. */
  readonly page: readonly PageRow[];
}

/** The order of the functions' columns. */
type RowValues = [
  seq: string,
  id: string,
  aggregateType: string,
  aggregateId: string,
  aggregateVersion: number,
  eventType: string,
  payload: string,
  headers: OutboxRow['headers'],
  parked: PageRow['parked'],
];
type WindowValues = [
  session: string | null,
  to: string,
  epoch: string | null,
  begunBehind: string,
  ...nulls: null[],
];
type LaterValues = [session: string | null, to: null, epoch: null, begunBehind: null, ...row: RowValues];

// The session's epoch is read in the same statement: it is gone when another server answers than the one of the claim,
// such as a standby that became the primary without the last transactions.
const openFrom = `
  select (select s.epoch from :schema:.outbox_session s where s.shard = :shard) as session, opened.*
  from :schema:.outbox_open_window(:shard, :from, :size) opened`;

/**
 * Looks for rows that became visible since `from`.
 * @returns a snapshot of now, or the window up to it and its first rows, at most `size`.
 * @throws FencedError when another relay has the shard, Error when PostgreSQL crashed or failed over since the claim.
 */
export async function openWindow(
  db: Knex,
  claim: Claim,
  from: string,
  size: number,
): Promise<string | OpenPage> {
  const { schema, shard, epoch } = claim;
  const [opened, ...rows] = await valuesOf<[WindowValues, ...LaterValues[]]>(
    db.raw(openFrom, { schema, shard, from, size }),
  );
  const [session, to, presentEpoch, begunBehind] = opened;
  if (presentEpoch !== epoch) throw fenced(claim);
  if (session !== epoch) throw crashed(claim);
  const page = rows.map(([, , , , ...row]) => rowOf(shard, row));
  const [first] = page;
  if (!first) return to;
  const lastSeq = String(BigInt(first.seq) - 1n);
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
    window.begunBehind ?? (typeof opened === 'object' ? opened.window.begunBehind : GREATEST_SEQ);
  const present = { ...window, begunBehind };
  return { window: present, page: await readPage(db, claim, { from, window: present }, size) };
}

const selectPage =
  'select * from :schema:.outbox_window_page(:shard, :from, :to, :lastSeq, :begunBehind, :size)';

/** The next rows of a window, at most `size`; none when it is read to its end. */
export async function readPage(
  db: Knex,
  { schema, shard }: Claim,
  { from, window }: { readonly from: string; readonly window: OpenWindow },
  size: number,
): Promise<PageRow[]> {
  const rows = await valuesOf<RowValues[]>(db.raw(selectPage, { schema, shard, from, ...window, size }));
  return rows.map((row) => rowOf(shard, row));
}

/** Rows as arrays, which cost node-postgres a fifth less than objects do. */
async function valuesOf<Rows extends unknown[]>(query: Knex.Raw): Promise<Rows> {
  const { rows } = (await query.options({ rowMode: 'array' })) as { rows: Rows };
  return rows;
}

function rowOf(shard: number, row: RowValues): PageRow {
  const [seq, id, aggregateType, aggregateId, aggregateVersion, eventType, payload, headers, parked] = row;
  return {
    seq,
    id,
    shard,
    aggregateType,
    aggregateId,
    aggregateVersion,
    eventType,
    payload,
    headers,
    parked,
  };
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
