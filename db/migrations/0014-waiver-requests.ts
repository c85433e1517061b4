import type { Knex } from '../connection.ts';

/** A waiver takes two operators: who has asked for it, as long as the saga waits for the second. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.orders
      add column waiver_requested_by text,
      add column waiver_reason text,
      add constraint orders_waiver_check check (
        (waiver_requested_by is null) = (waiver_reason is null)
        and (waiver_requested_by is null or stuck_cause is not null)
      );
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.orders
      drop constraint orders_waiver_check,
      drop column waiver_requested_by,
      drop column waiver_reason;
  `);
}
