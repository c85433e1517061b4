import assert from 'node:assert/strict';
import type { Knex } from '../../db/connection.ts';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import type { OrderStatus } from '../../domain/order.ts';
import { eventually } from './eventually.ts';
import { getJson, post } from './http.ts';
import type { System } from './system.ts';

/** Places an order over REST. @returns its id. */
export async function place(system: System, request: PlaceOrderRequest): Promise<string> {
  const response = await post(`${system.urls['command-api']}/orders`, request);
  const body = (await response.json()) as { orderId: string };
  assert.equal(response.status, 202, JSON.stringify(body));
  return body.orderId;
}

/** An order of the query API. */
export interface OrderView {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly total: number;
  readonly cancelReason?: string;
  readonly timeline: readonly { event: string; status?: OrderStatus; at: string }[];
  readonly links: { readonly workflow: string };
}

const ended: readonly OrderStatus[] = ['COMPLETED', 'CANCELLED'];

/** Waits until the query API shows each order ended. */
export async function untilEnded(
  system: System,
  orderIds: readonly string[],
  withinMs = 60_000,
): Promise<OrderView[]> {
  const views = new Map<string, OrderView>();
  return eventually(
    async () => {
      for (const id of orderIds.filter((open) => !views.has(open))) {
        const view = await getJson<OrderView>(`${system.urls['query-api']}/orders/${id}`);
        if (!ended.includes(view.status)) return undefined;
        views.set(id, view);
      }
      return [...views.values()];
    },
    { what: `all of ${orderIds.length} orders have ended in the views`, withinMs },
  );
}

interface Balance {
  /** Σ charges − Σ refunds of the payment ledger, in minor units. */
  readonly moneyHeld: number;
  /** Σ totals of completed orders, in minor units. */
  readonly completedTotals: number;
  /** Pieces reserved in the stock table. */
  readonly reserved: number;
  /** Pieces that completed orders hold. */
  readonly completedPieces: number;
  /** Pieces in reservations that were not released. */
  readonly held: number;
}

const balance = `
  select
    (select coalesce(sum(case kind when 'CHARGE' then amount_minor else -amount_minor end), 0)
     from payments.ledger)::float8 as "moneyHeld",
    (select coalesce(sum(total_minor), 0) from orders.orders where status = 'COMPLETED')::float8 as "completedTotals",
    (select coalesce(sum(reserved), 0) from inventory.stock)::float8 as reserved,
    (select coalesce(sum(l.quantity), 0) from orders.order_lines l join orders.orders o on o.id = l.order_id
     where o.status = 'COMPLETED')::float8 as "completedPieces",
    (select coalesce(sum((line ->> 'quantity')::integer), 0)
     from inventory.reservations, jsonb_array_elements(lines) as line where state = 'HELD')::float8 as held`;

/** What ledgers and tables hold, summed over all orders. */
async function balanceOf(db: Knex): Promise<Balance> {
  const { rows } = await db.raw<{ rows: [Balance] }>(balance);
  return rows[0];
}

/** Money and stock add up: paid is what was completed, and reserved is what was completed. */
export async function assertBalanced(db: Knex): Promise<Balance> {
  const sums = await balanceOf(db);
  assert.equal(sums.moneyHeld, sums.completedTotals, 'charges − refunds = totals of completed orders');
  assert.equal(sums.reserved, sums.completedPieces, 'reserved = pieces of completed orders');
  assert.equal(sums.held, sums.reserved, 'reservations = reserved stock');
  return sums;
}
