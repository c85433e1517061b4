import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Knex } from '../../db/connection.ts';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import type { OrderStatus } from '../../domain/order.ts';
import { eventually } from './eventually.ts';
import { getJson, post } from './http.ts';
import type { Processes, ProcessName } from './processes.ts';

/** The two APIs of a system. */
interface Apis extends Pick<Processes<ProcessName>, 'urls'> {
  /** What each request carries, such as a token. */
  readonly headers?: Record<string, string>;
}

/** Places an order over REST. @returns its id. */
export async function place(system: Apis, request: PlaceOrderRequest): Promise<string> {
  const response = await post(`${system.urls['command-api']}/orders`, request, {
    'Idempotency-Key': randomUUID(),
    ...system.headers,
  });
  const body = (await response.json()) as { orderId: string };
  assert.equal(response.status, 202, JSON.stringify(body));
  return body.orderId;
}

/** An order of the query API. */
export interface OrderView {
  readonly orderId: string;
  readonly status: OrderStatus;
  readonly total: number;
  readonly inventory: string;
  readonly payment: string;
  readonly carrier?: string;
  readonly trackingNumber?: string;
  readonly cancelReason?: string;
  readonly timeline: readonly { event: string; status?: OrderStatus; at: string; detail?: string }[];
  readonly links: { readonly workflow: string; readonly shipmentWorkflow?: string };
}

/** Waits until the query API shows each order past its order saga, on its way to the customer or cancelled. */
export const untilEnded = (
  system: Apis,
  orderIds: readonly string[],
  withinMs?: number,
): Promise<OrderView[]> => untilStatus(system, orderIds, ['COMPLETED', 'CANCELLED'], withinMs);

/** Waits until the query API shows each order in one of these states. */
export async function untilStatus(
  system: Apis,
  orderIds: readonly string[],
  statuses: readonly OrderStatus[],
  withinMs = 60_000,
): Promise<OrderView[]> {
  const views = new Map<string, OrderView>();
  return eventually(
    async () => {
      for (const id of orderIds.filter((open) => !views.has(open))) {
        const view = await getJson<OrderView>(`${system.urls['query-api']}/orders/${id}`, system.headers);
        if (!statuses.includes(view.status)) return undefined;
        views.set(id, view);
      }
      return orderIds.map((id) => views.get(id)!);
    },
    { what: `all of ${orderIds.length} orders are ${statuses.join(' or ')} in the views`, withinMs },
  );
}

interface Balance {
  /** Σ charges − Σ refunds of the payment ledger, in minor units. */
  readonly moneyHeld: number;
  /** Σ totals of orders that stay paid, in minor units. */
  readonly paidTotals: number;
  /** Pieces reserved, and pieces shipped, in the stock table. */
  readonly reserved: number;
  readonly shipped: number;
  /** Pieces in reservations that are held, and that were shipped. */
  readonly held: number;
  readonly sent: number;
  /** Pieces of completed orders that wait for the carrier. */
  readonly waiting: number;
}

const balance = `
  with pieces as (
    select o.status, l.quantity from orders.order_lines l join orders.orders o on o.id = l.order_id
  ), kept as (
    select state, (line ->> 'quantity')::integer as quantity
    from inventory.reservations, jsonb_array_elements(lines) as line
  )
  select
    (select coalesce(sum(case kind when 'CHARGE' then amount_minor else -amount_minor end), 0)
     from payments.ledger)::float8 as "moneyHeld",
    (select coalesce(sum(total_minor), 0) from orders.orders
     where status in ('COMPLETED', 'SHIPPED', 'DELIVERED'))::float8 as "paidTotals",
    (select coalesce(sum(reserved), 0) from inventory.stock)::float8 as reserved,
    (select coalesce(sum(shipped), 0) from inventory.stock)::float8 as shipped,
    (select coalesce(sum(quantity), 0) from kept where state = 'HELD')::float8 as held,
    (select coalesce(sum(quantity), 0) from kept where state = 'SHIPPED')::float8 as sent,
    (select coalesce(sum(quantity), 0) from pieces where status = 'COMPLETED')::float8 as waiting`;

/** Money and stock add up over all orders, none of which may be between two steps. */
export async function assertBalanced(db: Knex): Promise<Balance> {
  const { rows } = await db.raw<{ rows: [Balance] }>(balance);
  const [sums] = rows;
  assert.equal(sums.moneyHeld, sums.paidTotals, 'charges − refunds = totals of orders that stay paid');
  assert.equal(sums.reserved, sums.waiting, 'reserved = pieces that wait for the carrier');
  assert.equal(sums.held, sums.reserved, 'reservations = reserved stock');
  assert.equal(sums.sent, sums.shipped, 'shipped reservations = shipped stock');
  return sums;
}
