import type { Knex } from '../connection.ts';

/**
 * The read tables now come from the projections (`projections/kit`), which make them after the migrations; the first
 * projector fills them from the stream. What was there is dropped: nothing in it was the only copy of anything.
 */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    drop table read.order_summary, read.sales, read.sales_totals, read.products, read.stuck_sagas, read.checkpoints;

    -- What the tables in schema read hold: each projection at one version. The one that is being built beside it is in
    -- read_next, the one before in read_previous.
    create schema read_next;
    create schema read_previous;
    create table read.projections (
      name text primary key,
      version integer not null,
      built_at timestamptz not null default now()
    );

    -- How far each partition is, in all projections, and the lease of the projector that may move it.
    create table read.checkpoints (
      partition smallint primary key,
      stream_created text,
      stream_sequence bigint not null default 0,
      current_as_of timestamptz,
      epoch bigint not null default 0,
      owner text,
      lease_until timestamptz
    );
    -- The projectors that are alive share the partitions.
    create table read.projectors (
      owner text primary key,
      seen_at timestamptz not null
    );
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop schema read_next cascade;
    drop schema read_previous cascade;
    drop schema read cascade;
    create schema read;
  `);
}
