import type { Knex } from '../../db/connection.ts';
import { PARTITIONS } from '../../domain/topology.ts';
import { salesGrains } from '../../projections/sales.ts';
import { analytics } from '../scenarios/projections.ts';

/** When the last of the orders was placed. */
export const END = new Date('2026-04-01T00:00:00Z');

// Two products in each order; one order in ten was cancelled, one in ten has not been sent. The hashes are of different
// seeds, so that partition, status and products have nothing to do with each other.
const insert = `
  insert into read.sales (grain, bucket, sku, currency, status, orders, quantity, amount_minor, partition)
  select 15, date_bin(interval '15 minutes', placed_at, timestamptz '2026-01-01T00:00:00Z'), line.sku, 'EUR', status,
    count(*), sum(line.quantity), sum(line.quantity * 1000), partition
  from (
    select
      cast(:end as timestamptz) - cast(:days as integer) * interval '1 day' * (cast(n as float8) / :orders) as placed_at,
      (hashint4extended(n, 1) & 65535) % :partitions as partition,
      case (hashint4extended(n, 2) & 65535) % 10 when 0 then 'CANCELLED' when 1 then 'COMPLETED' else 'DELIVERED' end
        as status,
      (hashint4extended(n, 3) & 65535) % :products as product
    from generate_series(1, cast(:orders as integer)) as n
  ) as placed
  cross join lateral (values ('', 2), ('SKU-' || product, 1), ('SKU-' || product + 1, 1)) as line (sku, quantity)
  group by 2, 3, 5, 9`;

const rollUp = `
  insert into read.sales (grain, bucket, sku, currency, status, orders, quantity, amount_minor, partition)
  select :grain, date_bin(cast(:grain as integer) * interval '1 minute', bucket, timestamptz '2026-01-01T00:00:00Z'), sku, currency, status,
    sum(orders), sum(quantity), sum(amount_minor), partition
  from read.sales
  where grain = 15 and (sku = '') = :isWhole
  group by 2, 3, 4, 5, 9`;

/** The figures that so many orders would leave, spread evenly over the days before `END`. */
export async function makeSales(db: Knex, orders: number): Promise<void> {
  const { days, products } = analytics;
  await db.transaction(async (trx) => {
    await trx.raw('set local statement_timeout = 0');
    await trx.raw(insert, { end: END, days, orders, partitions: PARTITIONS, products });
    for (const [isWhole, [, ...wider]] of [
      [true, salesGrains.orders],
      [false, salesGrains.lines],
    ] as const)
      for (const grain of wider) await trx.raw(rollUp, { grain, isWhole });
  });
  await db.raw('vacuum analyze read.sales');
}
