import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';

const upsertProduct = `
  insert into orders.products as p (sku, name, price_minor, currency, version)
  values (:sku, :name, :priceMinor, :currency, :version)
  on conflict (sku) do update
    set name = excluded.name, price_minor = excluded.price_minor, currency = excluded.currency,
      version = excluded.version
    where p.version = :before
  returning version`;

/** @param before version of the row; 0 for none. @throws Error when the row has changed */
export async function restoreProduct(
  trx: Knex.Transaction,
  before: number,
  events: readonly DomainEvent[],
): Promise<void> {
  const last = events.at(-1);
  if (last?.type !== 'ProductListed') return;
  const at = { sku: last.aggregateId, version: last.aggregateVersion, before };
  assertWritten(await trx.raw(upsertProduct, { ...last.data, ...at }));
}

// The pieces that have shipped are those of the reservations, which are restored before: a shipment can be in the copy
// while the event of its order was lost.
const upsertStock = `
  with shipped as materialized (
    select coalesce(sum(cast(line ->> 'quantity' as integer)), 0) as pieces
    from inventory.reservations r
    cross join jsonb_array_elements(r.lines) as line
    where r.state = 'SHIPPED' and line ->> 'sku' = :sku
  )
  insert into inventory.stock as s (sku, on_hand, reserved, shipped, version)
  select :sku, :onHand, :reserved, shipped.pieces, :version from shipped
  on conflict (sku) do update
    set on_hand = excluded.on_hand, reserved = excluded.reserved, shipped = excluded.shipped, version = excluded.version
    where s.version = :before
  returning version`;

/** The last event says what is on hand and reserved. @throws Error when the row has changed */
export async function restoreStock(
  trx: Knex.Transaction,
  before: number,
  events: readonly DomainEvent[],
): Promise<void> {
  const last = events.at(-1);
  if (last?.type !== 'StockChanged') return;
  const at = { sku: last.aggregateId, version: last.aggregateVersion, before };
  const { onHand, reserved } = last.data;
  assertWritten(await trx.raw(upsertStock, { onHand, reserved, ...at }));
}

function assertWritten({ rows }: { rows: unknown[] }): void {
  if (rows.length !== 1) throw new Error('its row has changed meanwhile');
}

const upsertReservation = `
  insert into inventory.reservations as r (order_id, state, lines, created_at, updated_at)
  values (:orderId, :state, cast(:lines as jsonb), :at, :at)
  on conflict (order_id) do update
    set state = excluded.state, updated_at = excluded.updated_at
    where r.state = 'HELD'`;

const stateAfter = {
  InventoryReserved: 'HELD',
  InventoryReleased: 'RELEASED',
  ShipmentDispatched: 'SHIPPED',
} as const;

/** What the lost events of an order make of its reservation; repeating it changes nothing. */
export async function restoreReservation(db: Knex, events: readonly DomainEvent[]): Promise<void> {
  for (const event of events) {
    if (
      event.type !== 'InventoryReserved' &&
      event.type !== 'InventoryReleased' &&
      event.type !== 'ShipmentDispatched'
    )
      continue;
    await db.raw(upsertReservation, {
      orderId: event.aggregateId,
      state: stateAfter[event.type],
      lines: JSON.stringify(event.data.lines),
      at: event.occurredAt,
    });
  }
}
