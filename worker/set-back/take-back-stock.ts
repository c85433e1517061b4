import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import type { LostAggregate } from './lost-aggregates.ts';

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

const upsertStock = `
  insert into inventory.stock as s (sku, on_hand, reserved, shipped, version)
  values (:sku, :onHand, :reserved, :shipped, :version)
  on conflict (sku) do update
    set on_hand = excluded.on_hand, reserved = excluded.reserved, shipped = s.shipped + excluded.shipped,
      version = excluded.version
    where s.version = :before
  returning version`;

/**
 * The last event says what is on hand and reserved.
 * @param shipped pieces that lost events say have left. @throws Error when the row has changed
 */
export async function restoreStock(
  trx: Knex.Transaction,
  before: number,
  events: readonly DomainEvent[],
  shipped: number,
): Promise<void> {
  const last = events.at(-1);
  if (last?.type !== 'StockChanged') return;
  const at = { sku: last.aggregateId, version: last.aggregateVersion, before, shipped };
  const { onHand, reserved } = last.data;
  assertWritten(await trx.raw(upsertStock, { onHand, reserved, ...at }));
}

function assertWritten({ rows }: { rows: unknown[] }): void {
  if (rows.length !== 1) throw new Error('its row has changed meanwhile');
}

/** Pieces of each product that have left by the lost events. */
export function shippedPieces(aggregates: readonly LostAggregate[]): Map<string, number> {
  const pieces = new Map<string, number>();
  for (const { events } of aggregates)
    for (const { event } of events)
      if (event.type === 'ShipmentDispatched')
        for (const { sku, quantity } of event.data.lines) pieces.set(sku, (pieces.get(sku) ?? 0) + quantity);
  return pieces;
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
