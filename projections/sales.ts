import type { OrderEvent } from '../domain/events.ts';
import type { PricedLine } from '../domain/money.ts';
import { changeBy, type OrderStatus } from '../domain/order.ts';
import { figures, projection } from './kit/projection.ts';
import type { Table } from './kit/table.ts';
import { quarterOf } from './quarters.ts';

/** An order as far as sales are concerned. */
interface SoldOrder {
  readonly orderId: string;
  readonly version: number;
  readonly status: OrderStatus;
  readonly currency: string;
  readonly totalMinor: number;
  readonly lines: readonly PricedLine[];
  /** ISO 8601, UTC. */
  readonly placedAt: string;
}

/** What orders of one status add up to that were placed within the same 15 minutes. */
interface SalesRow {
  /** ISO 8601: start of the 15 minutes, in UTC, in which the orders were placed. */
  readonly bucket: string;
  /** `''` for whole orders, each of which counts once there however many products are in it. */
  readonly sku: string;
  readonly currency: string;
  readonly status: OrderStatus;
  readonly orders: number;
  /** Pieces. */
  readonly quantity: number;
  /** What they cost, paid or not, in minor units. */
  readonly amountMinor: number;
}

const soldOrders: Table<SoldOrder> = {
  name: 'sales_orders',
  columns: {
    orderId: 'uuid',
    version: 'integer',
    status: 'text',
    currency: 'text',
    totalMinor: 'bigint',
    lines: 'jsonb',
    placedAt: 'timestamptz',
  },
  key: ['orderId'],
};

const salesTable: Table<SalesRow> = {
  name: 'sales',
  columns: {
    bucket: 'timestamptz',
    sku: 'text',
    currency: 'text',
    status: 'text',
    orders: 'bigint',
    quantity: 'bigint',
    amountMinor: 'bigint',
  },
  // The lines of a period are a range of this index.
  key: ['bucket', 'sku', 'currency', 'status'],
  // Sales by day pass by the lines, of which there are many more.
  indexes: { sales_whole_orders: `(bucket) where sku = ''` },
};

function evolve(before: SoldOrder | undefined, event: OrderEvent): SoldOrder | undefined {
  if (event.type === 'OrderCreated') {
    const { currency, totalMinor, lines } = event.data;
    return {
      orderId: event.aggregateId,
      version: event.aggregateVersion,
      status: 'PENDING',
      currency,
      totalMinor,
      lines,
      placedAt: event.occurredAt,
    };
  }
  const { status } = changeBy(event);
  if (!before || status === undefined) return before;
  return { ...before, status, version: event.aggregateVersion };
}

function salesOf({ status, currency, totalMinor, lines, placedAt }: SoldOrder): SalesRow[] {
  const shared = { bucket: quarterOf(placedAt), currency, status, orders: 1 };
  const pieces = lines.reduce((sum, { quantity }) => sum + quantity, 0);
  return [
    { ...shared, sku: '', quantity: pieces, amountMinor: totalMinor },
    ...lines.map(({ sku, quantity, unitPriceMinor }) => ({
      ...shared,
      sku,
      quantity,
      amountMinor: quantity * unitPriceMinor,
    })),
  ];
}

/** Orders, pieces and money by quarter of an hour, so that the days of any time zone can be summed. */
export const sales = projection<SoldOrder, OrderEvent>({
  name: 'sales',
  version: 1,
  aggregates: ['order'],
  state: soldOrders,
  versionIn: ({ version }) => version,
  evolve,
  figures: [figures({ table: salesTable, of: salesOf })],
});
