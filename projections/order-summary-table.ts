import type { Knex } from '../db/connection.ts';
import type { OrderSummary } from './order-summary.ts';

/** A pg `bigint` arrives as text. */
export type OrderSummaryRow = Omit<OrderSummary, 'totalMinor' | 'placedAt' | 'updatedAt'> & {
  totalMinor: string;
  placedAt: Date;
  updatedAt: Date;
};

export const orderSummaryColumns = {
  orderId: 'order_id',
  customerId: 'customer_id',
  status: 'status',
  inventory: 'inventory',
  payment: 'payment',
  shipment: 'shipment',
  approval: 'approval',
  stuckCause: 'stuck_cause',
  waiver: 'waiver',
  carrier: 'carrier',
  trackingNumber: 'tracking_number',
  version: 'version',
  currency: 'currency',
  totalMinor: 'total_minor',
  lines: 'lines',
  timeline: 'timeline',
  cancelReason: 'cancel_reason',
  cancelDetail: 'cancel_detail',
  placedAt: 'placed_at',
  updatedAt: 'updated_at',
} as const satisfies Record<keyof OrderSummary, string>;

export const toSummary = (row: OrderSummaryRow): OrderSummary => ({
  ...row,
  totalMinor: Number(row.totalMinor),
  placedAt: row.placedAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});

export async function findSummaries(
  trx: Knex.Transaction,
  ids: readonly string[],
): Promise<Map<string, OrderSummary>> {
  if (ids.length === 0) return new Map();
  const rows: OrderSummaryRow[] = await trx('read.order_summary')
    .whereRaw('order_id = any(?)', [ids as string[]])
    .select(orderSummaryColumns);
  return new Map(rows.map((row) => [row.orderId, toSummary(row)]));
}

// One statement for the page; the version guard keeps a newer row.
const upsert = `
  insert into read.order_summary as s (order_id, customer_id, status, inventory, payment, shipment, approval, stuck_cause,
    waiver, carrier, tracking_number, version, currency, total_minor, lines, timeline, cancel_reason, cancel_detail, placed_at,
    updated_at)
  select "orderId", "customerId", status, inventory, payment, shipment, approval, "stuckCause",
    waiver, carrier, "trackingNumber", version, currency, "totalMinor", lines, timeline, "cancelReason", "cancelDetail", "placedAt",
    "updatedAt"
  from jsonb_to_recordset(cast(:summaries as jsonb)) as r ("orderId" uuid, "customerId" text, status text, inventory text,
    payment text, shipment text, approval text, "stuckCause" text, waiver jsonb, carrier text, "trackingNumber" text, version integer,
    currency text, "totalMinor" bigint, lines jsonb, timeline jsonb, "cancelReason" text, "cancelDetail" text,
    "placedAt" timestamptz, "updatedAt" timestamptz)
  on conflict (order_id) do update set
    status = excluded.status, inventory = excluded.inventory, payment = excluded.payment,
    shipment = excluded.shipment, approval = excluded.approval, stuck_cause = excluded.stuck_cause,
    waiver = excluded.waiver,
    carrier = excluded.carrier, tracking_number = excluded.tracking_number,
    version = excluded.version, timeline = excluded.timeline, cancel_reason = excluded.cancel_reason,
    cancel_detail = excluded.cancel_detail, updated_at = excluded.updated_at
  where excluded.version > s.version`;

export async function saveSummaries(
  trx: Knex.Transaction,
  summaries: readonly OrderSummary[],
): Promise<void> {
  if (summaries.length > 0) await trx.raw(upsert, { summaries: JSON.stringify(summaries) });
}
