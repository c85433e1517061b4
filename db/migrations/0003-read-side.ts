import type { Knex } from '../connection.ts';

/** The read tables. Nothing here is the only copy of anything: all of it can be folded again from the stream. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    create schema read;

    create table read.order_summary (
      order_id uuid primary key,
      customer_id text not null,
      status text not null,
      inventory text not null,
      payment text not null,
      version integer not null,
      currency char(3) not null,
      total_minor bigint not null,
      lines jsonb not null,
      timeline jsonb not null,
      cancel_reason text,
      cancel_detail text,
      placed_at timestamptz not null,
      updated_at timestamptz not null
    );
    -- The three lists of GET /orders, newest first; order_id breaks ties, so that a keyset page has a definite end.
    create index order_summary_newest on read.order_summary (placed_at desc, order_id desc);
    create index order_summary_by_status on read.order_summary (status, placed_at desc, order_id desc);
    create index order_summary_by_customer on read.order_summary (customer_id, placed_at desc, order_id desc);

    -- Per SKU, in 15-minute UTC buckets of the time the order was placed.
    create table read.sales (
      bucket timestamptz not null,
      sku text not null,
      currency char(3) not null,
      orders integer not null,
      completed integer not null,
      cancelled integer not null,
      quantity_sold bigint not null,
      revenue_minor bigint not null,
      primary key (bucket, sku, currency)
    );

    -- Per bucket over all SKUs: an order with three lines counts once.
    create table read.sales_totals (
      bucket timestamptz not null,
      currency char(3) not null,
      orders integer not null,
      completed integer not null,
      cancelled integer not null,
      revenue_minor bigint not null,
      primary key (bucket, currency)
    );

    create table read.products (
      sku text primary key,
      name text,
      price_minor bigint,
      currency char(3),
      available integer,
      product_version integer not null,
      stock_version integer not null
    );

    -- The only position of the projector, and the lease of the one that may move it.
    create table read.checkpoints (
      projector text primary key,
      stream_created text,
      stream_sequence bigint not null,
      current_as_of timestamptz,
      epoch bigint not null,
      owner text,
      lease_until timestamptz
    );
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop schema read cascade');
}
