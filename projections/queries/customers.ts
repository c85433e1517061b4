import type { Knex } from '../../db/connection.ts';
import { minorSumOf, type MinorSum } from '../../domain/money.ts';
import type { OrderCursor } from './orders.ts';

interface CustomerFigures {
  readonly currency: string;
  readonly orders: number;
  readonly open: number;
  readonly completed: number;
  readonly cancelled: number;
  readonly refunded: number;
  /** Of completed orders, in minor units. */
  readonly spent: MinorSum;
}

export interface Customer {
  readonly customerId: string;
  /** ISO 8601, UTC. */
  readonly firstOrderAt: string;
  readonly lastOrderAt: string;
  /** By currency. */
  readonly figures: readonly CustomerFigures[];
}

/** Where a page by what was spent ended. */
export interface SpentCursor {
  readonly spent: MinorSum;
  readonly customerId: string;
}

interface CustomerRow {
  readonly customerId: string;
  readonly firstOrderAt: Date;
  readonly lastOrderAt: Date;
  readonly lastOrderId: string;
  readonly figures: readonly (Omit<CustomerFigures, 'spent'> & { readonly spent: string })[];
}

// Figures are a range of the primary key of read.customers; first and last order are the ends of a range of
// order_summary_by_customer.
const described = `
  select page.customer_id as "customerId", first.placed_at as "firstOrderAt", last.placed_at as "lastOrderAt",
    last.order_id as "lastOrderId", figures.list as figures
  from page
  cross join lateral (
    select placed_at from read.order_summary o
    where o.customer_id = page.customer_id order by placed_at, order_id limit 1) as first
  cross join lateral (
    select placed_at, order_id from read.order_summary o
    where o.customer_id = page.customer_id order by placed_at desc, order_id desc limit 1) as last
  cross join lateral (
    select coalesce(jsonb_agg(to_jsonb(f) order by f.currency), '[]') as list
    from (
      select currency, sum(orders) as orders, sum(open) as open, sum(completed) as completed,
        sum(cancelled) as cancelled, sum(refunded) as refunded, cast(sum(spent_minor) as text) as spent
      from read.customers c
      where c.customer_id = page.customer_id
      group by currency
      having sum(orders) > 0) as f) as figures`;

const one = `with page as (select cast(:customerId as text) as customer_id) ${described}`;

/** @returns undefined for a customer who has placed no order. */
export async function findCustomer(db: Knex, customerId: string): Promise<Customer | undefined> {
  const { rows } = await db.raw<{ rows: CustomerRow[] }>(one, { customerId });
  return rows.map(customerOf)[0];
}

// Goes along order_summary_newest and passes over an order whose customer has a newer one, which
// order_summary_by_customer tells: what is read is what was ordered since the page's last customer did.
const byLastOrder = `
  with page as (
    select customer_id, placed_at, order_id from read.order_summary o
    where (cast(:placedAt as timestamptz) is null or (placed_at, order_id) < (:placedAt, cast(:orderId as uuid)))
      and not exists (
        select from read.order_summary newer
        where newer.customer_id = o.customer_id and (newer.placed_at, newer.order_id) > (o.placed_at, o.order_id))
    order by placed_at desc, order_id desc
    limit :limit)
  ${described}
  order by last.placed_at desc, last.order_id desc`;

/** Who has ordered last comes first. @returns at most `limit` customers, and the cursor when there are more. */
export async function customersByLastOrder(
  db: Knex,
  { limit, after }: { readonly limit: number; readonly after?: OrderCursor | undefined },
): Promise<{ customers: Customer[]; next?: OrderCursor }> {
  const { rows } = await db.raw<{ rows: CustomerRow[] }>(byLastOrder, {
    placedAt: after?.placedAt ?? null,
    orderId: after?.orderId ?? null,
    limit: limit + 1,
  });
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return {
    customers: page.map(customerOf),
    ...(rows.length > limit && last
      ? { next: { placedAt: last.lastOrderAt.toISOString(), orderId: last.lastOrderId } }
      : {}),
  };
}

// A sum has no index: this reads the figures of all customers in the currency, a row or a few for each.
const bySpent = `
  with page as (
    select customer_id, sum(spent_minor) as spent from read.customers
    where currency = :currency
    group by customer_id
    having sum(orders) > 0 and (cast(:spent as numeric) is null
      or sum(spent_minor) < cast(:spent as numeric)
      or (sum(spent_minor) = cast(:spent as numeric) and customer_id > :customerId))
    order by spent desc, customer_id
    limit :limit)
  ${described}
  order by page.spent desc, page.customer_id`;

/** Who has spent most in a currency comes first. @returns as `customersByLastOrder`. */
export async function customersBySpent(
  db: Knex,
  options: {
    readonly currency: string;
    readonly limit: number;
    readonly after?: SpentCursor | undefined;
  },
): Promise<{ customers: Customer[]; next?: SpentCursor }> {
  const { currency, limit, after } = options;
  const { rows } = await db.raw<{ rows: CustomerRow[] }>(bySpent, {
    currency,
    spent: after?.spent ?? null,
    customerId: after?.customerId ?? null,
    limit: limit + 1,
  });
  const customers = rows.slice(0, limit).map(customerOf);
  const last = customers.at(-1);
  const spent = last?.figures.find((each) => each.currency === currency)?.spent;
  return rows.length > limit && last && spent !== undefined
    ? { customers, next: { spent, customerId: last.customerId } }
    : { customers };
}

const customerOf = ({ customerId, firstOrderAt, lastOrderAt, figures }: CustomerRow): Customer => ({
  customerId,
  firstOrderAt: firstOrderAt.toISOString(),
  lastOrderAt: lastOrderAt.toISOString(),
  // As text, because the driver reads JSON's numbers as doubles.
  figures: figures.map((each) => ({ ...each, spent: minorSumOf(each.spent) })),
});
