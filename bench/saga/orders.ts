import type { Knex } from '../../db/connection.ts';
import { placeOrders } from '../../db/place-orders.ts';
import { toEvent, type OrderEvent, type Provenance } from '../../domain/events.ts';
import { evolve, placeOrder, type Order } from '../../domain/order.ts';
import type { PlacedOrder } from '../../domain/order-saga.ts';
import { newId, systemClock } from '../../platform/clock.ts';

const PRODUCTS = 50;
const PRICE_MINOR = 1_000;
const CURRENCY = 'EUR';
const PER_TRANSACTION = 100;

export const benchProducts = Array.from({ length: PRODUCTS }, (_, index) => ({
  sku: `BENCH-${index + 1}`,
  priceMinor: PRICE_MINOR,
  currency: CURRENCY,
  onHand: 100_000_000,
}));

const provenance: Provenance = {
  correlationId: 'bench',
  causationId: 'bench',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
};

let nextProduct = 0;
const skuAt = (index: number): string => benchProducts[index % PRODUCTS]?.sku ?? '';

/** One piece each of two products, which change from order to order, so that orders queue for stock but seldom. */
export function orderedLines(): { sku: string; quantity: number }[] {
  const first = nextProduct++;
  return [skuAt(first), skuAt(first + 1)].map((sku) => ({ sku, quantity: 1 }));
}

/** An order that is in no database. */
export function inventOrder(): PlacedOrder {
  return {
    id: newId(),
    provenance,
    lines: orderedLines(),
    totalMinor: 2 * PRICE_MINOR,
    currency: CURRENCY,
    paymentMethod: 'pm_card_visa',
  };
}

/** Accepted orders as the command API leaves them, many in one transaction: their writing is not what is measured. */
export async function acceptOrders(db: Knex, count: number): Promise<PlacedOrder[]> {
  const orders = Array.from({ length: count }, inventOrder);
  for (let from = 0; from < count; from += PER_TRANSACTION) {
    await db.transaction(async (trx) => {
      await placeOrders(trx, orders.slice(from, from + PER_TRANSACTION).map(toAccepted));
    });
  }
  return orders;
}

function toAccepted({ id, lines, currency, paymentMethod }: PlacedOrder): {
  order: Order;
  created: OrderEvent;
} {
  const fact = placeOrder({
    customerId: 'bench',
    lines: lines.map((line) => ({ ...line, unitPriceMinor: PRICE_MINOR })),
    currency,
    paymentMethod,
  });
  const order = evolve(undefined, id, fact);
  const at = { id: newId(), aggregateId: id, aggregateVersion: order.version, occurredAt: systemClock.now() };
  return { order, created: toEvent(fact, at, provenance) };
}
