import type { Knex } from '../connection.ts';

export async function up(db: Knex): Promise<void> {
  await db.raw(`
    -- {requestedBy, reason, at} while an operator's waiver waits for a second one.
    alter table read.order_summary add column waiver jsonb;
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw('alter table read.order_summary drop column waiver');
}
