import type { Knex } from '../../db/connection.ts';

const tables = [
  'orders.orders',
  'orders.order_lines',
  'inventory.stock',
  'inventory.reservations',
  'payments.payments',
  'payments.ledger',
  'shipping.bookings',
  'messaging.outbox',
  'read.order_summary',
  'read.sales',
  'read.sales_orders',
  'read.products',
  'read.customers',
  'read.customer_orders',
  'read.operations',
  'read.operations_runs',
  'read.order_search',
];

/** Everything that the tables hold, to compare before and after; positions and leases left out. */
export async function contentsOf(
  db: Knex,
  names: readonly string[] = tables,
): Promise<Record<string, string[]>> {
  const contents: Record<string, string[]> = {};
  for (const name of names) {
    const { rows } = await db.raw<{ rows: { row: string }[] }>(
      'select cast(to_jsonb(t) as text) as row from ?? t order by 1',
      [name],
    );
    contents[name] = rows.map(({ row }) => row);
  }
  return contents;
}

/** Sequence of the last message that is applied in every partition. */
export async function appliedSequence(db: Knex): Promise<number> {
  const row = await db<{ stream_sequence: string }>('read.checkpoints')
    .min<{ sequence: string | null }>('stream_sequence as sequence')
    .first();
  return Number(row?.sequence ?? 0);
}
