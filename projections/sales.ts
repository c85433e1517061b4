import type { OrderStatus } from '../domain/order.ts';
import type { OrderSummary } from './order-summary.ts';

/** What one order adds to a row of sales; negative when it takes something back. Money in minor units. */
export interface SalesRow {
  /** ISO 8601: start of the 15 minutes, in UTC, in which the order was placed. */
  readonly bucket: string;
  /** Null for the row over all products, in which an order counts once. */
  readonly sku: string | null;
  readonly currency: string;
  readonly orders: number;
  readonly completed: number;
  readonly cancelled: number;
  /** Completed once, and paid back because they could not be delivered. */
  readonly refunded: number;
  /** Pieces in orders that are completed and not refunded. */
  readonly quantitySold: number;
  /** Of the same orders. */
  readonly revenueMinor: number;
}

const BUCKET_MS = 15 * 60_000;

export const bucketOf = (at: string): string =>
  new Date(Math.floor(Date.parse(at) / BUCKET_MS) * BUCKET_MS).toISOString();

const isSold = (status: OrderStatus): boolean =>
  status === 'COMPLETED' || status === 'SHIPPED' || status === 'DELIVERED';

/** What an order adds to sales in its present state. */
export function salesOf(order: OrderSummary | undefined): SalesRow[] {
  if (!order) return [];
  const completed = isSold(order.status) ? 1 : 0;
  const shared = {
    bucket: bucketOf(order.placedAt),
    currency: order.currency,
    orders: 1,
    completed,
    cancelled: order.status === 'CANCELLED' ? 1 : 0,
    refunded: order.status === 'REFUNDED' ? 1 : 0,
  };
  const perLine = order.lines.map(({ sku, quantity, unitPriceMinor }) => ({
    ...shared,
    sku,
    quantitySold: quantity * completed,
    revenueMinor: quantity * unitPriceMinor * completed,
  }));
  const pieces = order.lines.reduce((sum, { quantity }) => sum + quantity, 0);
  return [
    { ...shared, sku: null, quantitySold: pieces * completed, revenueMinor: order.totalMinor * completed },
    ...perLine,
  ];
}

/**
 * What to add to sales because orders changed: the difference between each order before and after, summed per row.
 * An order that did not change adds nothing, so events applied twice count once.
 */
export function salesDifference(
  changes: readonly { readonly before: OrderSummary | undefined; readonly after: OrderSummary }[],
): SalesRow[] {
  const rows = new Map<string, SalesRow>();
  const add = (row: SalesRow, sign: 1 | -1): void => {
    const key = JSON.stringify([row.bucket, row.sku, row.currency]);
    const sum = rows.get(key);
    rows.set(key, {
      bucket: row.bucket,
      sku: row.sku,
      currency: row.currency,
      orders: (sum?.orders ?? 0) + sign * row.orders,
      completed: (sum?.completed ?? 0) + sign * row.completed,
      cancelled: (sum?.cancelled ?? 0) + sign * row.cancelled,
      refunded: (sum?.refunded ?? 0) + sign * row.refunded,
      quantitySold: (sum?.quantitySold ?? 0) + sign * row.quantitySold,
      revenueMinor: (sum?.revenueMinor ?? 0) + sign * row.revenueMinor,
    });
  };
  for (const { before, after } of changes) {
    for (const row of salesOf(before)) add(row, -1);
    for (const row of salesOf(after)) add(row, 1);
  }
  return [...rows.values()].filter(({ orders, completed, cancelled, refunded, quantitySold, revenueMinor }) =>
    [orders, completed, cancelled, refunded, quantitySold, revenueMinor].some((figure) => figure !== 0),
  );
}
