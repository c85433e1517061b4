import type { Knex } from '../connection.ts';

/** What people decide about orders: approvals, stuck compensations, and the audit of both. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.orders
      add column approval text not null default 'NONE'
        check (approval in ('NONE', 'REQUESTED', 'GRANTED', 'REFUSED')),
      add column stuck_cause text,
      add column stuck_workflow text,
      add column stuck_occurrence integer not null default 0,
      add constraint orders_stuck_check check ((stuck_cause is null) = (stuck_workflow is null)),
      drop constraint orders_inventory_check,
      drop constraint orders_payment_check,
      add constraint orders_inventory_check
        check (inventory in ('NONE', 'RESERVED', 'RELEASED', 'SHIPPED', 'BY_HAND', 'WAIVED')),
      add constraint orders_payment_check
        check (payment in ('NONE', 'CHARGED', 'REFUNDED', 'BY_HAND', 'WAIVED'));
    create index orders_stuck on orders.orders (stuck_cause, updated_at) where stuck_cause is not null;

    create table orders.audit (
      id uuid primary key,
      at timestamptz not null,
      order_id uuid not null,
      action text not null,
      operator text,
      details jsonb not null
    );
    create index audit_by_order on orders.audit (order_id, at);

    create function orders.audit_is_append_only() returns trigger language plpgsql as $$
    begin
      raise exception 'orders.audit is append-only';
    end $$;
    create trigger append_only before update or delete or truncate on orders.audit
      for each statement execute function orders.audit_is_append_only();
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop table orders.audit;
    drop function orders.audit_is_append_only();
    alter table orders.orders
      drop constraint orders_inventory_check,
      drop constraint orders_payment_check,
      drop column approval,
      drop column stuck_cause,
      drop column stuck_workflow,
      drop column stuck_occurrence,
      add constraint orders_inventory_check check (inventory in ('NONE', 'RESERVED', 'RELEASED', 'SHIPPED')),
      add constraint orders_payment_check check (payment in ('NONE', 'CHARGED', 'REFUNDED'));
  `);
}
