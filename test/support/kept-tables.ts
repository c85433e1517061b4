import type { Knex } from '../../db/connection.ts';

const kept = [
  'read.order_summary',
  'read.order_search',
  'read.customer_orders',
  'read.customers',
  'read.operations_runs',
  'read.operations',
  'read.sales',
  'read.products',
  'inventory.stock',
  'inventory.reservations',
  'payments.payments',
  'payments.ledger',
  'shipping.bookings',
  'messaging.outbox',
  'messaging.outbox_parked',
  'orders.orders',
  'orders.order_lines',
] as const;

// Columns that PostgreSQL computes take no values.
const selectColumns = `
  select string_agg(quote_ident(attname), ', ' order by attnum) as columns
  from pg_attribute
  where attrelid = cast(:name as regclass) and attnum > 0 and not attisdropped and attgenerated = ''`;

/** Puts back what these tables held, whatever becomes of it. */
export async function withKept(db: Knex, act: () => Promise<void>): Promise<void> {
  const copyOf = (name: string): string => name.replace('.', '_');
  await db.transaction(async (trx) => {
    await trx.raw('create schema kept');
    for (const name of kept) await trx.raw('create table kept.?? as table ??', [copyOf(name), name]);
  });
  try {
    await act();
  } finally {
    await db.transaction(async (trx) => {
      // Neither triggers nor foreign keys have a say while rows are put back.
      await trx.raw(`set local session_replication_role = replica`);
      for (const name of kept) {
        const { rows } = await trx.raw<{ rows: [{ columns: string }] }>(selectColumns, { name });
        const [{ columns }] = rows;
        await trx.raw('delete from ??', [name]);
        await trx.raw(`insert into ?? (${columns}) overriding system value select ${columns} from kept.??`, [
          name,
          copyOf(name),
        ]);
      }
      await trx.raw('drop schema kept cascade');
    });
  }
}
