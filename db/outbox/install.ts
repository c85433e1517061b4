import type { Knex } from 'knex';
import { createCapture } from './capture-step.ts';
import { BEGINNING, type OutboxLocation } from './location.ts';
import { pageFunction } from './page-function.ts';
import { partitionFunctions } from './partition-functions.ts';
import { partitionByDay } from './partitioning.ts';
import { createSession } from './session-step.ts';

/**
 * Creates the outbox and the relay's own tables in a schema, or brings what an earlier version installed up to date.
 * Several callers at once wait for each other.
 * @param shards how many relays share the work; fixed for the life of the outbox.
 * @param version an earlier one, to try the way from there; else the newest.
 */
export async function installOutbox(
  db: Knex,
  {
    schema,
    shards,
    version = steps.length,
  }: OutboxLocation & { readonly shards: number; readonly version?: number },
): Promise<void> {
  await db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(hashtext(?))', [`outbox ${schema}`]);
    await trx.raw(createVersion, { schema });
    const { rows } = await trx.raw<{ rows: { version: number }[] }>(readVersion, { schema });
    const installed = rows[0]?.version ?? 0;
    for (const step of steps.slice(installed, version)) await trx.raw(step, { schema });
    await trx.raw(writeVersion, { schema, version: Math.max(installed, version) });
    await trx.raw(createCursors, { schema, shards });
  });
}

const createVersion = `
  create schema if not exists :schema:;
  create table if not exists :schema:.outbox_version (version integer not null);
`;
// The first version kept no record of itself.
const readVersion = `
  select coalesce(
    (select max(version) from :schema:.outbox_version),
    case when to_regclass(format('%I.outbox_cursor', cast(:schema as text))) is null then 0 else 1 end
  ) as version`;
const writeVersion = `
  with old as (delete from :schema:.outbox_version)
  insert into :schema:.outbox_version values (:version)`;

// Rows are only appended. `xid` is the writing transaction's own, whatever savepoints it uses.
// outbox_by_transaction finds what a snapshot adds; outbox_in_order pages through it.
const createTables = `
  create table :schema:.outbox (
    seq bigint generated always as identity primary key,
    id uuid not null,
    shard smallint not null,
    xid xid8 not null default pg_current_xact_id(),
    aggregate_type text not null,
    aggregate_id text not null,
    aggregate_version integer not null,
    event_type text not null,
    payload jsonb not null,
    headers jsonb not null,
    created_at timestamptz not null default now()
  );
  create index outbox_by_transaction on :schema:.outbox (shard, xid) include (seq);
  create index outbox_in_order on :schema:.outbox (shard, seq);

  -- Where the relay of a shard is: everything that snapshot_from sees is published, and of what snapshot_to
  -- sees beyond it, everything up to last_seq. Without snapshot_to there is no window under way.
  create table :schema:.outbox_cursor (
    shard smallint primary key,
    epoch bigint not null default 0,
    owner text,
    snapshot_from pg_snapshot not null,
    snapshot_to pg_snapshot,
    last_seq bigint,
    moved_at timestamptz not null default now(),
    check ((snapshot_to is null) = (last_seq is null))
  );

  -- One row per published page: what was in it, and where in the stream it ended.
  create table :schema:.outbox_journal (
    page bigint generated always as identity primary key,
    shard smallint not null,
    epoch bigint not null,
    snapshot_from pg_snapshot not null,
    snapshot_to pg_snapshot not null,
    first_seq bigint not null,
    last_seq bigint not null,
    row_count integer not null,
    stream_created text not null,
    stream_sequence bigint not null,
    published_at timestamptz not null default now()
  );
  create index outbox_journal_by_seq on :schema:.outbox_journal (shard, last_seq);
  create index outbox_journal_by_page on :schema:.outbox_journal (shard, page desc);
`;

const createCursors = `
  insert into :schema:.outbox_cursor (shard, snapshot_from)
  select shard, '${BEGINNING}' from generate_series(0, :shards - 1) as shard
  on conflict do nothing
`;

// A row was sent with the page whose window it was in; the journal's index narrows that to a few pages.
const itsPage = `left join lateral (
    select page, published_at
    from :schema:.outbox_journal j
    where j.shard = o.shard
      and o.seq between j.first_seq and j.last_seq
      and pg_visible_in_snapshot(o.xid, j.snapshot_to)
      and not pg_visible_in_snapshot(o.xid, j.snapshot_from)
    order by j.page
    limit 1
  ) j on true`;

const createView = `
  create view :schema:.outbox_messages as
  select o.*, j.page, j.published_at as sent_at
  from :schema:.outbox o
  ${itsPage}
`;

const createParking = `
  -- Claims since the cursor last moved: many of them mean that something in the next page ends the relay.
  alter table :schema:.outbox_cursor add column claims_since_moved integer not null default 0;

  -- Rows that were not published with their page: see parking.ts. Never deleted while their outbox row is there.
  create table :schema:.outbox_parked (
    seq bigint primary key,
    shard smallint not null,
    id uuid not null,
    aggregate_type text not null,
    aggregate_id text not null,
    aggregate_version integer not null,
    event_type text not null,
    state text not null check (state in ('PARKED', 'BEHIND', 'RETRY', 'DISCARDED', 'PUBLISHED')),
    cause text,
    started integer not null default 0,
    finished integer not null default 0,
    parked_at timestamptz not null default now(),
    decided_by text,
    decided_reason text,
    decided_at timestamptz,
    published_at timestamptz,
    stream_created text,
    stream_sequence bigint
  );
  create index outbox_parked_open on :schema:.outbox_parked (shard, aggregate_type, aggregate_id, seq)
    where state in ('PARKED', 'BEHIND', 'RETRY');

  -- Attempts at rows of a page that could not be published as a whole.
  create table :schema:.outbox_attempts (
    seq bigint primary key,
    shard smallint not null,
    started integer not null,
    finished integer not null default 0,
    refused integer not null default 0
  );

  -- A parked row was not sent with its page.
  create or replace view :schema:.outbox_messages as
  select o.*, j.page, case when p.seq is null then j.published_at else p.published_at end as sent_at
  from :schema:.outbox o
  left join :schema:.outbox_parked p on p.seq = o.seq
  ${itsPage};
`;

/** What each version added; only ever appended to. */
const steps: readonly string[] = [
  createTables + createView,
  createParking,
  createCapture,
  partitionByDay + partitionFunctions,
  pageFunction,
  createSession,
];
