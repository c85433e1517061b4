import type { Knex } from '../connection.ts';

export async function up(db: Knex): Promise<void> {
  await db.raw(`
    -- Why the saga compensates, recorded with undo_began_at: whatever happens to the workflow, the first reason counts.
    alter table orders.orders
      add column undo_reason text,
      add column undo_detail text,
      add constraint orders_undo_reason_check check ((undo_reason is null) = (undo_detail is null));
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.orders
      drop constraint orders_undo_reason_check,
      drop column undo_reason,
      drop column undo_detail;
  `);
}
