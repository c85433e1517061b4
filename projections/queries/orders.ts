import type { Knex } from '../../db/connection.ts';
import type { OrderStatus } from '../../domain/order.ts';
import { selectList } from '../kit/statements.ts';
import { decodeRow } from '../kit/table.ts';
import { orderSummaries, type OrderSummary } from '../order-summary.ts';

/** Where a page ended: the next one goes on behind it. */
export interface OrderCursor {
  /** ISO 8601. */
  readonly placedAt: string;
  readonly orderId: string;
}

export interface OrderFilter {
  readonly status?: OrderStatus | undefined;
  readonly customerId?: string | undefined;
  readonly limit: number;
  readonly after?: OrderCursor | undefined;
}

/** That events of an order wait: it is shown as it was before. */
export interface HeldUp {
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly events: number;
  /** Null while a decision is carried out. */
  readonly cause: string | null;
}

/** With what is not in it yet. */
export interface ShownOrder extends OrderSummary {
  readonly heldUp: HeldUp | null;
}

export type ShownOrderRow = Record<string, unknown> & { heldUp: HeldUp | null };
const heldUp = `jsonb_build_object('since', min(parked_at), 'events', count(*),
    'cause', min(cause) filter (where state = 'PARKED'))`;
// What waits is found with the index parked_events_open, which holds nothing else.
const isHeldUp = `aggregate_type = 'order' and state in ('PARKED', 'BEHIND', 'RETRY', 'DISCARD')`;
/** Of read.order_summary. */
export const shownOrderColumns = `${selectList(orderSummaries)}, (
  select ${heldUp}
  from read.parked_events
  where ${isHeldUp} and aggregate_id = cast(order_id as text)
  having count(*) > 0
) as "heldUp"`;
const columns = (db: Knex): Knex.Raw => db.raw(shownOrderColumns);

/** By id; those that are not there are left out. */
export async function findOrders(db: Knex, orderIds: readonly string[]): Promise<Map<string, ShownOrder>> {
  const rows: ShownOrderRow[] = await db('read.order_summary')
    .whereRaw('order_id = any(?)', [orderIds as string[]])
    .select(columns(db));
  return new Map(rows.map(toShownOrder).map((order) => [order.orderId, order]));
}

export const toShownOrder = (row: ShownOrderRow): ShownOrder => ({
  ...decodeRow(orderSummaries, row),
  heldUp: row.heldUp && decodeHeldUp(row.heldUp),
});

const decodeHeldUp = (heldUp: HeldUp): HeldUp => ({
  ...heldUp,
  since: new Date(heldUp.since).toISOString(),
});

export interface OrderVersion {
  readonly customerId: string;
  /** Of the last event that is in the views. */
  readonly version: number;
}

/** How far the views have got with these orders, by id; those that are not there yet are left out. */
export async function findVersions(
  db: Knex,
  orderIds: readonly string[],
): Promise<Map<string, OrderVersion>> {
  const rows: (OrderVersion & { orderId: string })[] = await db('read.order_summary')
    .whereRaw('order_id = any(?)', [orderIds as string[]])
    .select({ orderId: 'order_id', customerId: 'customer_id', version: 'version' });
  return new Map(rows.map(({ orderId, ...found }) => [orderId, found]));
}

/** Newest first; the order id breaks ties. @returns at most `limit` orders, and the cursor when there are more. */
export async function listOrders(
  db: Knex,
  { status, customerId, limit, after }: OrderFilter,
): Promise<{ orders: ShownOrder[]; next?: OrderCursor }> {
  const query = db('read.order_summary')
    .select(columns(db))
    .orderBy([
      { column: 'placed_at', order: 'desc' },
      { column: 'order_id', order: 'desc' },
    ])
    .limit(limit + 1);
  if (status !== undefined) void query.where('status', status);
  if (customerId !== undefined) void query.where('customer_id', customerId);
  if (after) void query.whereRaw('(placed_at, order_id) < (?, ?)', [after.placedAt, after.orderId]);
  const rows = (await query) as ShownOrderRow[];
  const orders = rows.slice(0, limit).map(toShownOrder);
  const last = orders.at(-1);
  return rows.length > limit && last
    ? { orders, next: { placedAt: last.placedAt, orderId: last.orderId } }
    : { orders };
}

export interface HeldUpOrder {
  readonly orderId: string;
  readonly heldUp: HeldUp;
  /** As far as it is in the views; null when its first event waits. */
  readonly shown: OrderVersion | null;
}

const selectHeldUp = `
  select aggregate_id as "orderId", ${heldUp} as "heldUp"
  from read.parked_events
  where ${isHeldUp} and aggregate_id = any(:orderIds)
  group by aggregate_id
  order by aggregate_id`;

/** Those of these orders that are held up. */
export async function heldUpAmong(db: Knex, orderIds: readonly string[]): Promise<HeldUpOrder[]> {
  const { rows } = await db.raw<{ rows: Omit<HeldUpOrder, 'shown'>[] }>(selectHeldUp, {
    orderIds,
  });
  if (rows.length === 0) return [];
  const versions = await findVersions(
    db,
    rows.map(({ orderId }) => orderId),
  );
  return rows.map(({ orderId, heldUp: found }) => ({
    orderId,
    heldUp: decodeHeldUp(found),
    shown: versions.get(orderId) ?? null,
  }));
}
