import type { Knex } from 'knex';
import { DumpRestoredError, FencedError, OutboxRefusedError } from './errors.ts';
import { AHEAD_FOR_EVER, BEGINNING, FIRST_XID, type OutboxLocation } from './location.ts';
import type { Parked } from './rows.ts';

/** Where a relay is. Snapshots are PostgreSQL's `pg_snapshot` in text form. */
export interface Cursor {
  /** All that this snapshot sees is published. */
  readonly from: string;
  /**
   * The window under way: what `to` sees beyond `from`, published up to `lastSeq`. Rows of transactions that had not
   * begun at `from` lie behind `begunBehind`, which is not stored.
   */
  readonly window?: { readonly to: string; readonly lastSeq: string; readonly begunBehind?: string };
}

/** A shard held by one relay, until another takes it over with a higher epoch. */
export interface Claim extends OutboxLocation {
  readonly shard: number;
  readonly epoch: string;
}

export interface PublishedPage {
  readonly from: string;
  readonly to: string;
  readonly firstSeq: string;
  readonly lastSeq: string;
  readonly rowCount: number;
  /** `created` of the stream, which tells one stream from another of the same name. */
  readonly streamCreated: string;
  /** Sequence of the page's last message in the stream. */
  readonly streamSequence: number;
  /** Rows of the page that were not published. */
  readonly parked: readonly Parked[];
}

/** A relay is claimed again after each failure; so many times without a page in between are no coincidence. */
const CLAIMS_BEFORE_SUSPECT = 3;

/** Whether the cursor `outbox_cursor` has seen transactions that this server has not begun. */
export const isAhead =
  'pg_snapshot_xmax(pg_current_snapshot()) < pg_snapshot_xmax(coalesce(snapshot_to, snapshot_from))';

// The row lock of the update makes two relays that come at once take epochs one after the other.
const takeOver = `
  with taken as (
    update :schema:.outbox_cursor
    set epoch = epoch + 1, owner = :owner, claims_since_moved = claims_since_moved + 1
    where shard = :shard
    returning *
  ), session as (
    insert into :schema:.outbox_session (shard, epoch)
    select shard, epoch from taken
    on conflict (shard) do update set epoch = excluded.epoch
  )
  select epoch, snapshot_from as "from", snapshot_to as "to", last_seq as "lastSeq",
    claims_since_moved as "claimsSinceMoved",
    exists (select from :schema:.outbox_attempts a where a.shard = :shard and a.started > a.finished) as "hasOpenAttempt",
    pg_is_in_recovery() as "isReplica",
    ${isAhead} as "isRestored"
  from taken`;

// Writers go on while a person decides. Once they had used up as many ids as the first server, the cursor would pass
// for one of this server, and what they wrote until then for published.
const stayRefused = `
  update :schema:.outbox_cursor set snapshot_from = '${AHEAD_FOR_EVER}', snapshot_to = null, last_seq = null
  where shard = :shard
    and ${isAhead}`;

/**
 * What a person runs on a restored copy, all shards at once. Transaction ids of the other server mean nothing here:
 * rows get one that every snapshot sees, and the journal with its snapshots goes, so that no relay goes back to it.
 */
export const restart = (schema: string, from: string): string =>
  `with rows as (update ${schema}.outbox set xid = '${FIRST_XID}'), pages as (delete from ${schema}.outbox_journal), ` +
  `late as (delete from ${schema}.outbox_parked where state = 'PUBLISHED') ` +
  `update ${schema}.outbox_cursor set snapshot_from = ${from}, snapshot_to = null, last_seq = null`;

/**
 * Makes the caller the owner of a shard; whoever had it before can move nothing any more.
 * @throws OutboxRefusedError on a replica, DumpRestoredError on a restored copy whose transaction ids restarted.
 */
export async function claimShard(
  db: Knex,
  { schema, shard, owner }: OutboxLocation & { shard: number; owner: string },
): Promise<{ claim: Claim; cursor: Cursor; isSuspect: boolean }> {
  const { rows } = await db.raw<{
    rows: {
      epoch: string;
      from: string;
      to: string | null;
      lastSeq: string | null;
      claimsSinceMoved: number;
      hasOpenAttempt: boolean;
      isReplica: boolean;
      isRestored: boolean;
    }[];
  }>(takeOver, { schema, shard, owner });
  const [row] = rows;
  if (!row) throw new Error(`the outbox in schema ${schema} has no shard ${shard}`);
  if (row.isReplica)
    throw new OutboxRefusedError(
      'REPLICA',
      'the outbox must be read on the primary, this server is a replica',
    );
  if (row.isRestored) {
    await db.raw(stayRefused, { schema, shard });
    throw new DumpRestoredError(
      `shard ${shard}: the cursor is ahead of this server's transaction ids, so this database was restored from a ` +
        'dump. Decide, as the owner of the tables, whether what the copy holds shall be published again: to publish ' +
        `all of it, run "${restart(schema, `'${BEGINNING}'`)}"; to publish only what comes next, run ` +
        `"${restart(schema, 'pg_current_snapshot()')}". Then start the relay again.`,
    );
  }
  const { epoch, from, to, lastSeq } = row;
  return {
    claim: { schema, shard, epoch },
    cursor: to === null || lastSeq === null ? { from } : { from, window: { to, lastSeq } },
    isSuspect: row.hasOpenAttempt || row.claimsSinceMoved > CLAIMS_BEFORE_SUSPECT,
  };
}

// One statement moves the cursor and writes the journal; without the epoch, or after a crash of PostgreSQL, which empties
// outbox_session, it does neither: the snapshots that a relay holds may then be ahead of the server.
const advanceCursor = `
  with moved as (
    update :schema:.outbox_cursor
    set snapshot_from = :from, snapshot_to = :to, last_seq = :lastSeq, moved_at = now(), claims_since_moved = 0
    where shard = :shard and epoch = :epoch
      and exists (select from :schema:.outbox_session s where s.shard = :shard and s.epoch = :epoch)
    returning shard, epoch
  ), tried as (
    delete from :schema:.outbox_attempts
    where seq in (select seq from jsonb_to_recordset(cast(:parked as jsonb)) as given (seq bigint))
      and exists (select from moved)
    returning seq, started, finished
  ), parked as (
    insert into :schema:.outbox_parked
      (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state, cause, started, finished)
    select o.seq, o.shard, o.id, o.aggregate_type, o.aggregate_id, o.aggregate_version, o.event_type,
      given.state, given.cause, coalesce(tried.started, 0), coalesce(tried.finished, 0)
    from moved
    cross join jsonb_to_recordset(cast(:parked as jsonb)) as given (seq bigint, state text, cause text)
    join :schema:.outbox o on o.shard = moved.shard and o.seq = given.seq
    left join tried on tried.seq = given.seq
    on conflict (seq) do nothing
  )
  insert into :schema:.outbox_journal
    (shard, epoch, snapshot_from, snapshot_to, first_seq, last_seq, row_count, stream_created, stream_sequence)
  select shard, epoch, cast(:from as pg_snapshot), cast(:to as pg_snapshot), cast(:firstSeq as bigint),
    cast(:lastSeq as bigint), cast(:rowCount as integer), :streamCreated, cast(:streamSequence as bigint)
  from moved`;

const selectEpoch = `select epoch from :schema:.outbox_cursor where shard = :shard`;

/**
 * Records a page as published.
 * @throws FencedError when another relay has the shard, Error when PostgreSQL has crashed since it was claimed.
 */
export async function recordPage(db: Knex, claim: Claim, page: PublishedPage): Promise<void> {
  const { rowCount } = await db.raw<{ rowCount: number }>(advanceCursor, {
    ...claim,
    ...page,
    parked: JSON.stringify(page.parked),
  });
  if (rowCount === 1) return;
  const { rows } = await db.raw<{ rows: { epoch: string }[] }>(selectEpoch, { ...claim });
  if (rows[0]?.epoch !== claim.epoch) throw fenced(claim);
  throw crashed(claim);
}

export const crashed = ({ shard }: Claim): Error =>
  new Error(`shard ${shard}: PostgreSQL crashed or failed over since the relay claimed the shard`);

export const fenced = ({ shard, epoch }: Claim): FencedError =>
  new FencedError(`shard ${shard} was taken over: epoch ${epoch} is no longer the present one`);
