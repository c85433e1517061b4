import type { Knex } from '../connection.ts';

/** The simulated provider and carrier list their books in the order of time, page by page. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    create index ledger_by_time on payments.ledger (created_at, entry);
    create index bookings_by_time on shipping.bookings (updated_at, booking_key);
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop index payments.ledger_by_time;
    drop index shipping.bookings_by_time;
  `);
}
