import type { Knex } from '../../db/connection.ts';

/** An outbox as the first version installed it, which kept no record of its version. */
export async function installFirstOutbox(db: Knex, schema: string): Promise<void> {
  await db.raw(firstVersion, { schema });
  await db.raw("insert into :schema:.outbox_cursor (shard, snapshot_from) values (0, '3:3:')", { schema });
}

const firstVersion = `
  create schema :schema:;
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
  left join lateral (
    select page, published_at
    from :schema:.outbox_journal j
    where j.shard = o.shard
      and o.seq between j.first_seq and j.last_seq
      and pg_visible_in_snapshot(o.xid, j.snapshot_to)
      and not pg_visible_in_snapshot(o.xid, j.snapshot_from)
    order by j.page
    limit 1
  ) j on true;
`;
