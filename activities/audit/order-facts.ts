import type { Knex } from '../../db/connection.ts';
import type { PricedLine } from '../../domain/money.ts';
import type { OrderStatus } from '../../domain/order.ts';
import type { SagaState } from '../../domain/saga-watch.ts';
import { chargeKey } from '../payments/activities.ts';
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

/** What the payment provider's books say of one charge, in minor units. */
interface Booked {
  readonly charged: number | null;
  readonly refunded: number | null;
  readonly currency: string;
}

/** What the write side says of orders at one moment, by order id. */
export interface NotedOrders {
  readonly rows: ReadonlyMap<string, OrderRow>;
  readonly booked: ReadonlyMap<string, Booked>;
  readonly reservations: ReadonlyMap<string, string>;
}

/** Everything that is known of one order. */
export interface OrderFacts extends Facts, Aggregate, OrderViews {
  readonly row?: OrderRow | undefined;
  readonly booked?: Booked | undefined;
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

const selectBooked = `
  select idempotency_key as key, min(currency) as currency,
    cast(sum(amount_minor) filter (where kind = 'CHARGE') as float8) as charged,
    cast(sum(amount_minor) filter (where kind = 'REFUND') as float8) as refunded
  from payments.ledger
  where idempotency_key = any(:keys)
  group by idempotency_key`;

const selectReservations = `
  select order_id as id, state from inventory.reservations where order_id = any(:ids)`;

/** Within one snapshot: an order, its money and its stock at the same moment. */
export async function noteOrders(trx: Knex.Transaction, ids: readonly string[]): Promise<NotedOrders> {
  const rows = await trx.raw<{ rows: OrderRow[] }>(selectOrders, { ids: [...ids] });
  const keyOf = new Map(ids.map((id) => [chargeKey({ id }), id]));
  const booked = await trx.raw<{ rows: (Booked & { key: string })[] }>(selectBooked, {
    keys: [...keyOf.keys()],
  });
  const reservations = await trx.raw<{ rows: { id: string; state: string }[] }>(selectReservations, {
    ids: [...ids],
  });
  return {
    rows: new Map(rows.rows.map((row) => [row.id, row])),
    booked: new Map(booked.rows.map(({ key, ...entry }) => [keyOf.get(key) ?? key, entry])),
    reservations: new Map(reservations.rows.map(({ id, state }) => [id, state])),
  };
}

const selectVersions = 'select id, version from orders.orders where id = any(:ids)';

export async function versionsOf(db: Knex, ids: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await db.raw<{ rows: { id: string; version: number }[] }>(selectVersions, {
    ids: [...ids],
  });
  return new Map(rows.map(({ id, version }) => [id, version]));
}

/** What a status says about the order's end, for checks. */
export const isCancelled = (status: OrderStatus): boolean => status === 'CANCELLED' || status === 'REFUNDED';
