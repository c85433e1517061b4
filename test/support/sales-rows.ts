import type { Knex } from '../../db/connection.ts';
import type { OrderStatus } from '../../domain/order.ts';
import { PARTITIONS } from '../../domain/topology.ts';
import { salesGrains } from '../../projections/sales.ts';

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
  insert into read.sales as s (partition, grain, bucket, sku, currency, status, orders, quantity, amount_minor)
  values (:partition, :grain, :bucket, :sku, :currency, :status, 1, :quantity, :amount)
  on conflict (grain, bucket, sku, currency, status, partition) do update set
    orders = s.orders + 1, quantity = s.quantity + excluded.quantity,
    amount_minor = s.amount_minor + excluded.amount_minor`;

const MINUTE_MS = 60_000;

/** Adds orders to the table as the projector would, spread over its partitions. */
export async function addSales(db: Knex, orders: readonly Sold[]): Promise<void> {
  for (const [index, { placedAt, status, currency, lines }] of orders.entries()) {
    const bucketOf = (grain: number): Date => {
      const width = grain * MINUTE_MS;
      return new Date(Math.floor(Date.parse(placedAt) / width) * width);
    };
    const rows = lines.map(({ sku, quantity, unitPriceMinor }) => ({
      sku,
      quantity,
      amount: quantity * unitPriceMinor,
    }));
    const sum = (of: 'quantity' | 'amount'): number => rows.reduce((total, row) => total + row[of], 0);
    for (const row of [{ sku: '', quantity: sum('quantity'), amount: sum('amount') }, ...rows])
      for (const grain of row.sku === '' ? salesGrains.orders : salesGrains.lines) {
        const bucket = bucketOf(grain);
        await db.raw(addRow, { partition: index % PARTITIONS, grain, bucket, status, currency, ...row });
      }
  }
}

/** A row in each width of bucket for each of so many products, all in one quarter of an hour. */
export const addProducts = (db: Knex, products: number, after = 0): Promise<unknown> =>
  db.raw(
    `insert into read.sales (partition, grain, bucket, sku, currency, status, orders, quantity, amount_minor)
     select 0, grain, date_bin(grain * interval '1 minute', '2026-03-01T10:00:00Z', '2026-03-01T00:00:00Z'), 'SKU-' || lpad(n::text, 7, '0'), 'EUR', 'COMPLETED', 1, 2, n
     from generate_series(cast(:first as integer), cast(:last as integer)) n
     cross join unnest(cast(:grains as integer[])) as grain`,
    { first: after + 1, last: after + products, grains: [...salesGrains.lines] },
  );
