import type { Knex } from '../connection.ts';

/** Shipments: what the order and its stock know of them, and the books of the simulated carrier. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.orders
      add column shipment text not null default 'NONE'
        check (shipment in ('NONE', 'BOOKED', 'DISPATCHED', 'DELIVERED', 'FAILED')),
      drop constraint orders_status_check,
      drop constraint orders_inventory_check,
      drop constraint orders_check,
      add constraint orders_status_check check (status in
        ('PENDING', 'RESERVED', 'PAID', 'COMPLETED', 'SHIPPED', 'DELIVERED', 'CANCELLED', 'REFUNDED')),
      add constraint orders_inventory_check check (inventory in ('NONE', 'RESERVED', 'RELEASED', 'SHIPPED')),
      add constraint orders_reason_check
        check ((status in ('CANCELLED', 'REFUNDED')) = (cancel_reason is not null));

    alter table inventory.stock
      add column shipped bigint not null default 0 check (shipped >= 0);

    alter table inventory.reservations
      drop constraint reservations_state_check,
      add constraint reservations_state_check check (state in ('HELD', 'RELEASED', 'SHIPPED'));

    create schema shipping;

    -- One row per booking key, locked while the simulated carrier works on that key.
    create table shipping.bookings (
      booking_key text primary key,
      state text not null check (state in
        ('OPEN', 'BOOKED', 'REFUSED', 'CANCELLED', 'DISPATCHED', 'DELIVERED', 'LOST')),
      tracking_number text,
      leaves_at timestamptz,
      arrives_at timestamptz,
      gets_lost boolean,
      told_state text,
      updated_at timestamptz not null
    );
    create index bookings_on_their_way on shipping.bookings (state, leaves_at, arrives_at)
      where state in ('BOOKED', 'DISPATCHED');
    create index bookings_to_tell on shipping.bookings (updated_at)
      where state in ('DISPATCHED', 'DELIVERED', 'LOST') and told_state is distinct from state;
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop schema shipping cascade;
    alter table inventory.reservations
      drop constraint reservations_state_check,
      add constraint reservations_state_check check (state in ('HELD', 'RELEASED'));
    alter table inventory.stock drop column shipped;
    alter table orders.orders
      drop column shipment,
      drop constraint orders_status_check,
      drop constraint orders_inventory_check,
      drop constraint orders_reason_check,
      add constraint orders_status_check
        check (status in ('PENDING', 'RESERVED', 'PAID', 'COMPLETED', 'CANCELLED')),
      add constraint orders_inventory_check check (inventory in ('NONE', 'RESERVED', 'RELEASED')),
      add constraint orders_check check ((status = 'CANCELLED') = (cancel_reason is not null));
  `);
}
