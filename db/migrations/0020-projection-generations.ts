import type { Knex } from '../connection.ts';

/** Says which tables a projection has, live and kept, as a release that declares others must know what to move. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table read.projections add column tables text[] not null default '{}';
    -- What the tables in read.* were made from until now.
    update read.projections set tables = case name
      when 'orders' then array['order_summary']
      when 'products' then array['products']
      when 'sales' then array['sales_orders', 'sales']
      else '{}'
    end;
    alter table read.projections alter column tables drop default;

    -- The tables in read_previous: each projection as it was before its last swap, and up to where it was applied.
    create table read_previous.projections (
      name text primary key,
      version integer not null,
      tables text[] not null,
      stream_created text,
      -- By partition, from 0 on.
      stream_sequences bigint[] not null,
      replaced_at timestamptz not null default now()
    );
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop table read_previous.projections;
    alter table read.projections drop column tables;
  `);
}
