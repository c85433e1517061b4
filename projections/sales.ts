import type { OrderEvent } from '../domain/events.ts';
import type { PricedLine } from '../domain/money.ts';
import { changeBy, type OrderStatus } from '../domain/order.ts';
import { bucketOf, type Grain } from './buckets.ts';
import { figures, projection } from './kit/projection.ts';
import type { Table } from './kit/table.ts';

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

/** What orders of one status add up to that were placed within the same bucket of time. */
interface SalesRow {
  readonly grain: Grain;
  /** ISO 8601: start of the bucket, in UTC, in which the orders were placed. */
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

/**
 * In which buckets sales are kept: quarters of an hour, from which any time zone can be summed, and roll-ups of them.
 * There are many more lines than whole orders, and they are written as often: only their days are worth it.
 */
export const salesGrains = {
  orders: [15, 60, 360, 1_440],
  lines: [15, 1_440],
} as const satisfies Record<string, readonly Grain[]>;

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
    grain: 'smallint',
    bucket: 'timestamptz',
    sku: 'text',
    currency: 'text',
    status: 'text',
    orders: 'bigint',
    quantity: 'bigint',
    amountMinor: 'bigint',
  },
  // The lines of a period are a range of this index.
  key: ['grain', 'bucket', 'sku', 'currency', 'status'],
  // Sales by day pass by the lines, of which there are many more.
  indexes: { sales_whole_orders: `(grain, bucket) where sku = ''` },
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
  const shared = { grain: 15, bucket: bucketOf(15, placedAt), currency, status, orders: 1 } as const;
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

/** The wider buckets in which the figures of a quarter of an hour are as well. */
const rolledUp = (row: SalesRow): SalesRow[] =>
  (row.sku === '' ? salesGrains.orders : salesGrains.lines)
    .filter((grain) => grain > row.grain)
    .map((grain) => ({ ...row, grain, bucket: bucketOf(grain, row.bucket) }));

/** Orders, pieces and money by quarter of an hour, so that the days of any time zone can be summed. */
export const sales = projection<SoldOrder, OrderEvent>({
  name: 'sales',
  version: 1,
  aggregates: ['order'],
  state: soldOrders,
  versionIn: ({ version }) => version,
  evolve,
  figures: [figures({ table: salesTable, of: salesOf, rollUp: rolledUp })],
});
