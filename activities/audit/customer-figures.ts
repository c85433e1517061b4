import { summedUp, type AddedUp } from './figures.ts';

const compare = `
  with added as (
    select customer_id, currency, count(*) as orders,
      count(*) filter (where status in ('PENDING', 'RESERVED', 'PAID')) as open,
      count(*) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')) as completed,
      count(*) filter (where status = 'CANCELLED') as cancelled,
      count(*) filter (where status = 'REFUNDED') as refunded,
      cast(coalesce(sum(total_minor) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0) as bigint)
        as spent
    from read.customer_orders
    group by customer_id, currency
  ), shown as (
    select customer_id, currency, cast(sum(orders) as bigint) as orders, cast(sum(open) as bigint) as open,
      cast(sum(completed) as bigint) as completed, cast(sum(cancelled) as bigint) as cancelled,
      cast(sum(refunded) as bigint) as refunded, cast(sum(spent_minor) as bigint) as spent
    from read.customers
    group by customer_id, currency
    having (sum(orders), sum(open), sum(completed), sum(cancelled), sum(refunded), sum(spent_minor))
      <> (0, 0, 0, 0, 0, 0)
  ), compared as materialized (
    select customer_id || ' ' || currency as key, added, shown, added is distinct from shown as differs
    from added full join shown using (customer_id, currency)
  )
  ${summedUp}`;

/** Orders and money of each customer. */
export const customerFigures: AddedUp = { check: 'customers', name: 'customer', compare };
