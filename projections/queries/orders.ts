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

type Row = Record<string, unknown>;
const summaryColumns = selectList(orderSummaries);
const columns = (db: Knex): Knex.Raw => db.raw(summaryColumns);

export async function findOrder(db: Knex, orderId: string): Promise<OrderSummary | undefined> {
  const row: Row | undefined = await db('read.order_summary').where('order_id', orderId).first(columns(db));
  return row && decodeRow(orderSummaries, row);
}

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
): Promise<{ orders: OrderSummary[]; next?: OrderCursor }> {
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
  const rows = (await query) as Row[];
  const orders = rows.slice(0, limit).map((row) => decodeRow(orderSummaries, row));
  const last = orders.at(-1);
  return rows.length > limit && last
    ? { orders, next: { placedAt: last.placedAt, orderId: last.orderId } }
    : { orders };
}
