import type { Knex } from '../../db/connection.ts';
import type { OrderStatus } from '../../domain/order.ts';
import type { OrderState } from './streamed.ts';

/** The row of `read.order_summary`. */
export interface SummaryRow extends OrderState {
  readonly id: string;
  readonly version: number;
  readonly customerId: string;
  readonly currency: string;
  readonly totalMinor: number;
  readonly lines: unknown;
  readonly placedAt: Date;
  /** Entries of its timeline. */
  readonly events: number;
}

/** The row of `read.order_search`, as far as the write side knows what it says. */
export interface SearchRow {
  readonly id: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  readonly reason: string | null;
  readonly stuck: string | null;
  readonly skus: readonly string[];
  readonly placedAt: Date;
}

/** The row of `read.customer_orders`: what the customer's figures count the order as. */
export interface CustomerOrderRow {
  readonly id: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly totalMinor: number;
}

/** The row of `read.operations_runs`: what the figures of operations count the order as. */
export interface RunRow {
  readonly id: string;
  readonly acceptedAt: Date;
  /** What has happened to it, with commas between. */
  readonly happened: string;
  readonly cause: string | null;
  /** What it waits for an operator with. */
  readonly stuck: string | null;
}

/** One order in each of the read tables that have a row for it. */
export interface OrderViews {
  readonly summary?: SummaryRow | undefined;
  readonly search?: SearchRow | undefined;
  readonly customerOrder?: CustomerOrderRow | undefined;
  readonly run?: RunRow | undefined;
}

// All of them are found by their primary keys.
const selectSummaries = `
  select order_id as id, version, status, inventory, payment, shipment, approval, customer_id as "customerId", currency,
    cast(total_minor as float8) as "totalMinor", placed_at as "placedAt", lines,
    jsonb_array_length(timeline) as events
  from read.order_summary
  where order_id = any(:ids)`;

const selectSearch = `
  select order_id as id, customer_id as "customerId", status, reason, stuck, skus, placed_at as "placedAt"
  from read.order_search
  where order_id = any(:ids)`;

const selectCustomerOrders = `
  select order_id as id, customer_id as "customerId", status, currency, cast(total_minor as float8) as "totalMinor"
  from read.customer_orders
  where order_id = any(:ids)`;

const selectRuns = `
  select order_id as id, accepted_at as "acceptedAt",
    concat_ws(', ', 'accepted', case when completed_at is not null then 'completed' end,
      case when cancelled_at is not null then 'cancelled' end,
      case when delivered_at is not null then 'delivered' end,
      case when refunded_at is not null then 'refunded' end) as happened,
    cause,
    (select string_agg(wait ->> 'cause', ', ') from jsonb_array_elements(waits) as wait
      where wait ->> 'until' is null) as stuck
  from read.operations_runs
  where order_id = any(:ids)`;

/** What the read tables say of these orders, by order id. */
export async function viewsOf(readDb: Knex, ids: readonly string[]): Promise<(id: string) => OrderViews> {
  const rowsOf = async <Row extends { readonly id: string }>(sql: string): Promise<Map<string, Row>> => {
    const { rows } = await readDb.raw<{ rows: Row[] }>(sql, { ids: [...ids] });
    return new Map(rows.map((row) => [row.id, row]));
  };
  const summaries = await rowsOf<SummaryRow>(selectSummaries);
  const searched = await rowsOf<SearchRow>(selectSearch);
  const customerOrders = await rowsOf<CustomerOrderRow>(selectCustomerOrders);
  const runs = await rowsOf<RunRow>(selectRuns);
  return (id) => ({
    summary: summaries.get(id),
    search: searched.get(id),
    customerOrder: customerOrders.get(id),
    run: runs.get(id),
  });
}

const selectShown = `
  select order_id as id from read.order_summary where order_id > :after and order_id <= :last
  union
  select order_id from read.order_search where order_id > :after and order_id <= :last
  union
  select order_id from read.customer_orders where order_id > :after and order_id <= :last
  union
  select order_id from read.operations_runs where order_id > :after and order_id <= :last`;

/** Ids of the orders behind one and up to another that any read table has a row of. */
export async function shownIds(
  readDb: Knex,
  range: { readonly after: string; readonly last: string },
): Promise<string[]> {
  const { rows } = await readDb.raw<{ rows: { id: string }[] }>(selectShown, { ...range });
  return rows.map(({ id }) => id);
}
