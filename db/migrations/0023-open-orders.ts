import type { Knex } from '../connection.ts';

/** Finds orders that have not ended, page by page, without reading those that have. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    create index orders_open on orders.orders (id) where status not in ('CANCELLED', 'REFUNDED', 'DELIVERED');
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop index orders.orders_open;');
}
