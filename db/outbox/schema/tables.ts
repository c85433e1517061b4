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

// Rows are only appended. `xid` is the writing transaction's own, whatever savepoints it uses.
// outbox_by_transaction finds what a snapshot adds; outbox_in_order pages through it.
export const createTables = `
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

  create view :schema:.outbox_messages as
  select o.*, j.page, j.published_at as sent_at
  from :schema:.outbox o
  ${itsPage};
`;

export const createParking = `
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
