import type { Knex } from '../connection.ts';

/** Schemas of the write side. None refers to another, so that each could move to a database of its own. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    create schema orders;
    create schema inventory;
    create schema payments;

    create table orders.products (
      sku text primary key check (sku ~ '^[A-Z0-9][A-Z0-9_-]{0,39}$'),
      name text not null,
      price_minor bigint not null check (price_minor >= 0),
      currency char(3) not null,
      version integer not null check (version > 0)
    );

    create table orders.orders (
      id uuid primary key,
      customer_id text not null,
      status text not null check (status in ('PENDING', 'RESERVED', 'PAID', 'COMPLETED', 'CANCELLED')),
      inventory text not null check (inventory in ('NONE', 'RESERVED', 'RELEASED')),
      payment text not null check (payment in ('NONE', 'CHARGED', 'REFUNDED')),
      version integer not null check (version > 0),
      payment_method text not null,
      total_minor bigint not null check (total_minor >= 0),
      currency char(3) not null,
      cancel_reason text check ((status = 'CANCELLED') = (cancel_reason is not null)),
      placed_at timestamptz not null,
      updated_at timestamptz not null
    );

    create table orders.order_lines (
      order_id uuid not null references orders.orders (id),
      line_no smallint not null,
      sku text not null,
      quantity integer not null check (quantity between 1 and 1000),
      unit_price_minor bigint not null check (unit_price_minor >= 0),
      primary key (order_id, line_no)
    );

    create table orders.idempotency_keys (
      key text primary key check (length(key) between 1 and 255),
      order_id uuid not null,
      body_hash text not null,
      created_at timestamptz not null
    );

    create table inventory.stock (
      sku text primary key,
      on_hand integer not null check (on_hand >= 0),
      reserved integer not null check (reserved >= 0),
      version integer not null check (version > 0),
      check (reserved <= on_hand)
    );

    -- A row without lines in state RELEASED is a fence: the release came before its reservation, which is refused.
    create table inventory.reservations (
      order_id uuid primary key,
      state text not null check (state in ('HELD', 'RELEASED')),
      lines jsonb not null,
      created_at timestamptz not null,
      updated_at timestamptz not null
    );

    -- One row per idempotency key, locked while the simulated provider works on that key.
    create table payments.payments (
      idempotency_key text primary key,
      state text not null check (state in ('OPEN', 'CHARGED', 'DECLINED', 'REFUNDED', 'VOIDED')),
      amount_minor bigint,
      currency char(3),
      provider_reference text,
      updated_at timestamptz not null
    );

    -- What moved. Append-only; a key is charged at most once and refunded at most once.
    create table payments.ledger (
      entry bigint generated always as identity primary key,
      idempotency_key text not null references payments.payments (idempotency_key),
      kind text not null check (kind in ('CHARGE', 'REFUND')),
      amount_minor bigint not null check (amount_minor >= 0),
      currency char(3) not null,
      created_at timestamptz not null,
      unique (idempotency_key, kind)
    );
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop schema payments cascade; drop schema inventory cascade; drop schema orders cascade;');
}
