import type { Knex } from '../connection.ts';

/** The audit is read in pages, the newest first: of all, of one subject, and of one order. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    create index audit_by_time on orders.audit (at desc, id desc);
    create index audit_by_subject on orders.audit (subject, at desc, id desc);
    drop index orders.audit_by_order;
    create index audit_by_order on orders.audit (order_id, at desc, id desc);
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    drop index orders.audit_by_time, orders.audit_by_subject, orders.audit_by_order;
    create index audit_by_order on orders.audit (order_id, at);
  `);
}
