import type { Knex } from '../../db/connection.ts';
import type { PricedLine } from '../../domain/money.ts';
import { isPastOrderSaga, type OrderStatus } from '../../domain/order.ts';
import type { SagaState } from '../../domain/saga-watch.ts';
import type { BookedMoney, BookedParcel, Dated } from './books.ts';
import type { Facts } from './check.ts';
import type { OrderViews } from './order-views.ts';
import type { OrderState, Streamed } from './streamed.ts';
import type { Versions } from './versions.ts';

/** The order's row, and what its lines come to. */
export interface OrderRow extends OrderState {
  readonly id: string;
  readonly version: number;
  readonly customerId: string;
  readonly currency: string;
  readonly totalMinor: number;
  readonly linesMinor: number;
  /** Null for an order that has none. */
  readonly lines: readonly PricedLine[] | null;
  readonly placedAt: Date;
  readonly updatedAt: Date;
  readonly undoBegan: boolean;
  readonly cancelReason: string | null;
  readonly stuckCause: string | null;
}

/** What the write side says of orders at one moment, by order id. */
export interface NotedOrders {
  readonly rows: ReadonlyMap<string, OrderRow>;
  readonly reservations: ReadonlyMap<string, string>;
}

/** Everything that is known of one order. */
export interface OrderFacts extends Facts, Aggregate, OrderViews {
  readonly row?: OrderRow | undefined;
  /** What the payment provider's books say of it. */
  readonly money?: Dated<BookedMoney> | undefined;
  /** What the carrier's books say of it. */
  readonly parcel?: Dated<BookedParcel> | undefined;
  /** How its saga stands; undefined for an order that needs none, or has just changed. */
  readonly saga?: SagaState | undefined;
  /** State of its reservation. */
  readonly reservation?: string | undefined;
}

/** Something with versions of its own, each of them an event: an order, a listed product, the stock of one. */
export interface Aggregate {
  /** Of its row; 0 when it has none. */
  readonly version: number;
  readonly outbox?: Versions | undefined;
  readonly stream?: Streamed | undefined;
  /** Whether the outbox may have dropped its first events; and its last one, with all before it. */
  readonly mayBeDropped: { readonly first: boolean; readonly last: boolean };
}

// Found by their primary keys. The schemas stay apart, as if each were a database of its own.
const selectOrders = `
  select o.id, o.version, o.status, o.inventory, o.payment, o.shipment, o.approval, o.customer_id as "customerId",
    o.currency, cast(o.total_minor as float8) as "totalMinor", o.placed_at as "placedAt", o.updated_at as "updatedAt",
    o.undo_began_at is not null as "undoBegan", o.cancel_reason as "cancelReason", o.stuck_cause as "stuckCause",
    l.lines, cast(coalesce(l.total, 0) as float8) as "linesMinor"
  from orders.orders o
  cross join lateral (
    select sum(quantity * unit_price_minor) as total,
      jsonb_agg(
        jsonb_build_object('sku', sku, 'quantity', quantity, 'unitPriceMinor', unit_price_minor) order by line_no
      ) as lines
    from orders.order_lines where order_id = o.id
  ) l
  where o.id = any(:ids)`;

const selectReservations = `
  select order_id as id, state from inventory.reservations where order_id = any(:ids)`;

/** Within one snapshot: an order and its stock at the same moment. */
export async function noteOrders(trx: Knex.Transaction, ids: readonly string[]): Promise<NotedOrders> {
  const rows = await trx.raw<{ rows: OrderRow[] }>(selectOrders, { ids: [...ids] });
  const reservations = await trx.raw<{ rows: { id: string; state: string }[] }>(selectReservations, {
    ids: [...ids],
  });
  return {
    rows: new Map(rows.rows.map((row) => [row.id, row])),
    reservations: new Map(reservations.rows.map(({ id, state }) => [id, state])),
  };
}

const selectStates = `
  select id, concat(version, case when undo_began_at is not null then ' undoing' end) as state
  from orders.orders
  where id = any(:ids)`;

/** What of an order's row tells whether it has moved: its undo begins without an event, so without a version. */
export const stateOf = ({ version, undoBegan }: Pick<OrderRow, 'version' | 'undoBegan'>): string =>
  `${version}${undoBegan ? ' undoing' : ''}`;

/** The same of the rows as they are now. */
export async function statesOf(db: Knex, ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await db.raw<{ rows: { id: string; state: string }[] }>(selectStates, { ids: [...ids] });
  return new Map(rows.map(({ id, state }) => [id, state]));
}

/** What a status says about the order's end, for checks. */
export const isCancelled = (status: OrderStatus): boolean => status === 'CANCELLED' || status === 'REFUNDED';

/** Whether its saga compensates what it did. */
export const isUndoing = ({ status, shipment, undoBegan }: OrderRow): boolean =>
  isPastOrderSaga(status)
    ? shipment === 'FAILED' && (status === 'COMPLETED' || status === 'SHIPPED')
    : undoBegan;
