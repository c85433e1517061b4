import type { Knex } from '../db/connection.ts';
import type { SalesRow } from './sales.ts';

const addPerSku = `
  insert into read.sales as s (bucket, sku, currency, orders, completed, cancelled, refunded, quantity_sold, revenue_minor)
  select bucket, sku, currency, orders, completed, cancelled, refunded, "quantitySold", "revenueMinor"
  from jsonb_to_recordset(cast(:sales as jsonb)) as r (bucket timestamptz, sku text, currency text, orders integer,
    completed integer, cancelled integer, refunded integer, "quantitySold" bigint, "revenueMinor" bigint)
  on conflict (bucket, sku, currency) do update set
    orders = s.orders + excluded.orders, completed = s.completed + excluded.completed,
    cancelled = s.cancelled + excluded.cancelled,
    refunded = s.refunded + excluded.refunded, quantity_sold = s.quantity_sold + excluded.quantity_sold,
    revenue_minor = s.revenue_minor + excluded.revenue_minor`;

const addTotals = `
  insert into read.sales_totals as t (bucket, currency, orders, completed, cancelled, refunded, revenue_minor)
  select bucket, currency, orders, completed, cancelled, refunded, "revenueMinor"
  from jsonb_to_recordset(cast(:sales as jsonb)) as r (bucket timestamptz, currency text, orders integer,
    completed integer, cancelled integer, refunded integer, "revenueMinor" bigint)
  on conflict (bucket, currency) do update set
    orders = t.orders + excluded.orders, completed = t.completed + excluded.completed,
    cancelled = t.cancelled + excluded.cancelled,
    refunded = t.refunded + excluded.refunded, revenue_minor = t.revenue_minor + excluded.revenue_minor`;

/** Adds differences to the sales tables; not by itself repeatable, so it belongs to the checkpoint's transaction. */
export async function addToSales(trx: Knex.Transaction, difference: readonly SalesRow[]): Promise<void> {
  const totals = difference.filter(({ sku }) => sku === null);
  const perSku = difference.filter(({ sku }) => sku !== null);
  if (perSku.length > 0) await trx.raw(addPerSku, { sales: JSON.stringify(perSku) });
  if (totals.length > 0) await trx.raw(addTotals, { sales: JSON.stringify(totals) });
}
