import type { Knex } from '../connection.ts';

export async function up(db: Knex): Promise<void> {
  await db.raw(`
    -- Set before the order saga undoes, under the row's lock: from then on the order is not completed any more.
    alter table orders.orders add column undo_began_at timestamptz;
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('alter table orders.orders drop column undo_began_at');
}
