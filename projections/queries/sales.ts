import type { Knex } from '../../db/connection.ts';

/** Orders placed at or after `from` and before `to`; both on quarters of an hour. */
export interface SalesPeriod {
  readonly from: Date;
  readonly to: Date;
}

interface SalesFigures {
  readonly currency: string;
  readonly orders: number;
  readonly completed: number;
  readonly cancelled: number;
  readonly refunded: number;
  /** Of completed orders, in minor units. */
  readonly revenue: number;
}

export interface SalesOfDay extends SalesFigures {
  /** UTC: `2026-01-31`. */
  readonly day: string;
}

export interface SalesOfSku extends SalesFigures {
  readonly sku: string;
  readonly quantitySold: number;
}

// Sums of pg bigints are numerics, which arrive as text; all of them are far inside the safe integers. Both read a
// range of the primary key.
const byDay = `
  select to_char(bucket at time zone 'UTC', 'YYYY-MM-DD') as day, currency, sum(orders)::float8 as orders,
    coalesce(sum(orders) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0)::float8 as completed,
    coalesce(sum(orders) filter (where status = 'CANCELLED'), 0)::float8 as cancelled,
    coalesce(sum(orders) filter (where status = 'REFUNDED'), 0)::float8 as refunded,
    coalesce(sum(amount_minor) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0)::float8 as revenue
  from read.sales
  where bucket >= :from and bucket < :to and sku = ''
  group by 1, 2
  having sum(orders) > 0
  order by 1, 2`;

/** An order with several lines counts once. Days without orders are left out. */
export async function salesByDay(db: Knex, { from, to }: SalesPeriod): Promise<SalesOfDay[]> {
  const { rows } = await db.raw<{ rows: SalesOfDay[] }>(byDay, { from, to });
  return rows;
}

const bySku = `
  select sku, currency, sum(orders)::float8 as orders,
    coalesce(sum(orders) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0)::float8 as completed,
    coalesce(sum(orders) filter (where status = 'CANCELLED'), 0)::float8 as cancelled,
    coalesce(sum(orders) filter (where status = 'REFUNDED'), 0)::float8 as refunded,
    coalesce(sum(quantity) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0)::float8
      as "quantitySold",
    coalesce(sum(amount_minor) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0)::float8 as revenue
  from read.sales
  where bucket >= :from and bucket < :to and sku <> ''
  group by sku, currency
  having sum(orders) > 0
  order by sku, currency`;

/** An order counts once for each product in it. */
export async function salesBySku(db: Knex, { from, to }: SalesPeriod): Promise<SalesOfSku[]> {
  const { rows } = await db.raw<{ rows: SalesOfSku[] }>(bySku, { from, to });
  return rows;
}
