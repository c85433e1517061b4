import type { Knex } from '../../db/connection.ts';
import type { OrderStatus } from '../../domain/order.ts';
import { PARTITIONS } from '../../domain/topology.ts';

/** An order as far as sales know it. */
export interface Sold {
  /** ISO 8601. */
  readonly placedAt: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly lines: readonly {
    readonly sku: string;
    readonly quantity: number;
    readonly unitPriceMinor: number;
  }[];
}

const addRow = `
  insert into read.sales as s (partition, bucket, sku, currency, status, orders, quantity, amount_minor)
  values (:partition, :bucket, :sku, :currency, :status, 1, :quantity, :amount)
  on conflict (bucket, sku, currency, status, partition) do update set
    orders = s.orders + 1, quantity = s.quantity + excluded.quantity,
    amount_minor = s.amount_minor + excluded.amount_minor`;

const QUARTER_MS = 15 * 60_000;

/** Adds orders to the table as the projector would, spread over its partitions. */
export async function addSales(db: Knex, orders: readonly Sold[]): Promise<void> {
  for (const [index, { placedAt, status, currency, lines }] of orders.entries()) {
    const bucket = new Date(Math.floor(Date.parse(placedAt) / QUARTER_MS) * QUARTER_MS);
    const rows = lines.map(({ sku, quantity, unitPriceMinor }) => ({
      sku,
      quantity,
      amount: quantity * unitPriceMinor,
    }));
    const sum = (of: 'quantity' | 'amount'): number => rows.reduce((total, row) => total + row[of], 0);
    for (const row of [{ sku: '', quantity: sum('quantity'), amount: sum('amount') }, ...rows])
      await db.raw(addRow, { partition: index % PARTITIONS, bucket, status, currency, ...row });
  }
}

/** A row for each of so many products, all in one quarter of an hour. */
export const addProducts = (db: Knex, products: number, after = 0): Promise<unknown> =>
  db.raw(
    `insert into read.sales (partition, bucket, sku, currency, status, orders, quantity, amount_minor)
     select 0, '2026-03-01T10:00:00Z', 'SKU-' || lpad(n::text, 7, '0'), 'EUR', 'COMPLETED', 1, 2, n
     from generate_series(cast(:first as integer), cast(:last as integer)) n`,
    { first: after + 1, last: after + products },
  );
