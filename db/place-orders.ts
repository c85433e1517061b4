import type { OrderEvent } from '../domain/events.ts';
import type { Order } from '../domain/order.ts';
import { auditStatement, toAuditRow, type AuditEntry } from './audit.ts';
import type { Knex } from './connection.ts';
import { appendEventsStatement, toOutboxEvent } from './event-store.ts';
import { claimKeys, keyStates, statesOf, type KeyClaim, type KeyRow, type KeyStates } from './idempotency.ts';

/** An order that is not written yet, with its first event. */
export interface NewOrder {
  readonly order: Order;
  readonly created: OrderEvent;
  /** The key of the request for it; no two orders of a batch have the same. */
  readonly claim?: KeyClaim | undefined;
  readonly audit?: AuditEntry;
}

interface KeyTimes {
  readonly now: Date;
  /** Keys from before are free. */
  readonly keysFrom: Date;
}

// All in one statement: it is one way to the server and back, and holds no lock while this process does something
// else. An order whose key is not its own is in none of the tables. Foreign keys are checked at the statement's end.
const placeOrdersSql = `
  with asked as materialized (
    select *
    from json_to_recordset(cast(:orders as json)) as o (id uuid, "customerId" text, status text, inventory text,
      payment text, shipment text, version integer, "paymentMethod" text, "totalMinor" bigint, currency text,
      "placedAt" timestamptz, lines json, subject text, key text, "bodyHash" text, event json, audit json)
  ), ${claimKeys}, fresh as materialized (
    select *
    from asked
    where key is null or id in (select order_id from claimed)
  ), placed as (
    insert into orders.orders (id, customer_id, status, inventory, payment, shipment, version, payment_method,
      total_minor, currency, placed_at, updated_at)
    select id, "customerId", status, inventory, payment, shipment, version, "paymentMethod",
      "totalMinor", currency, "placedAt", "placedAt"
    from fresh
  ), lined as (
    insert into orders.order_lines (order_id, line_no, sku, quantity, unit_price_minor)
    select fresh.id, line.position, line.sku, line.quantity, line.price
    from fresh
    cross join rows from (
      json_to_recordset(lines) as (sku text, quantity integer, "unitPriceMinor" bigint)
    ) with ordinality as line (sku, quantity, price, position)
  ), appended as (
    ${appendEventsStatement('(select json_agg(event) from fresh)')}
  ), audited as (
    ${auditStatement('(select json_agg(audit) from fresh where audit is not null)')}
  )
  ${keyStates}`;

/**
 * Writes new orders with their lines, first events, keys and audit entries, all or none of them; orders whose key
 * belongs to another order, or is held by another transaction, are left out.
 * @returns what each key is tied to now
 */
export async function placeOrders(
  db: Knex,
  orders: readonly NewOrder[],
  { now, keysFrom }: KeyTimes = { now: new Date(), keysFrom: new Date(0) },
): Promise<KeyStates> {
  const asked = orders.map(({ order, created, claim, audit }) => ({
    ...order,
    ...claim,
    placedAt: created.occurredAt,
    event: toOutboxEvent(created),
    ...(audit === undefined ? {} : { audit: toAuditRow(audit) }),
  }));
  const { rows } = await db.raw<{ rows: KeyRow[] }>(placeOrdersSql, {
    orders: JSON.stringify(asked),
    now,
    keysFrom,
  });
  return statesOf(rows);
}
