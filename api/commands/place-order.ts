import { createHash } from 'node:crypto';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { toEvent, type Provenance } from '../../domain/events.ts';
import { totalOf, type PricedLine } from '../../domain/money.ts';
import { evolve, placeOrder, type OrderContent } from '../../domain/order.ts';
import { findProducts } from '../../db/catalogue.ts';
import type { Knex } from '../../db/connection.ts';
import { shardsOf, type Nudge } from '../../db/event-store.ts';
import { claimIdempotencyKey } from '../../db/idempotency.ts';
import { insertOrder } from '../../db/order-repository.ts';
import { newId, type Clock } from '../../platform/clock.ts';
import { FieldProblem } from '../field-problem.ts';

/** A validated intention, ready for the queue. */
export interface PlaceOrder {
  readonly orderId: string;
  /** Who asks: a principal's subject. */
  readonly subject: string;
  readonly request: PlaceOrderRequest;
  readonly idempotencyKey?: { readonly key: string; readonly bodyHash: string };
  readonly provenance: Provenance;
}

export interface PlacedOrderAnswer {
  readonly orderId: string;
  /** False when an earlier request with the same idempotency key had placed it. */
  readonly isNew: boolean;
}

/** Tells whether two requests with one idempotency key ask for the same thing. */
export const hashOf = (request: PlaceOrderRequest): string =>
  createHash('sha256').update(JSON.stringify(request)).digest('hex');

/**
 * Gives each line the catalogue's price.
 * @throws FieldProblem UNKNOWN_SKU or MIXED_CURRENCIES naming each line at fault, VALIDATION_FAILED for a total
 * beyond the safe integers.
 */
async function priceOrder(db: Knex, request: PlaceOrderRequest): Promise<Omit<OrderContent, 'totalMinor'>> {
  const products = await findProducts(
    db,
    request.lines.map(({ sku }) => sku),
  );
  const unknown = request.lines.flatMap(({ sku }, index) =>
    products.has(sku)
      ? []
      : [
          {
            field: `lines[${index}].sku`,
            message: `${sku} is not in the catalogue; GET /products lists what is`,
          },
        ],
  );
  if (unknown.length > 0) throw new FieldProblem('UNKNOWN_SKU', unknown);

  const currencies = new Set([...products.values()].map(({ currency }) => currency));
  const [currency = ''] = currencies;
  if (currencies.size > 1) {
    const mixed = request.lines.map(({ sku }, index) => ({
      field: `lines[${index}].sku`,
      message: `${sku} is priced in ${products.get(sku)?.currency ?? ''}; order each currency separately`,
    }));
    throw new FieldProblem('MIXED_CURRENCIES', mixed);
  }
  const lines = request.lines.map(({ sku, quantity }): PricedLine => ({
    sku,
    quantity,
    unitPriceMinor: products.get(sku)?.priceMinor ?? 0,
  }));
  try {
    totalOf(lines);
  } catch (error) {
    const message = `${error instanceof Error ? error.message : String(error)}; order less`;
    throw new FieldProblem('VALIDATION_FAILED', [{ field: 'lines', message }]);
  }
  return { customerId: request.customerId, lines, currency, paymentMethod: request.paymentMethod };
}

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly nudge: Nudge;
}

/** The handler behind the queue: order, lines, idempotency key and outbox row in one transaction. */
export const createPlaceOrderHandler =
  ({ db, clock, nudge }: Deps) =>
  async (command: PlaceOrder): Promise<PlacedOrderAnswer> => {
    const { orderId } = command;
    const now = clock.now();
    const fact = placeOrder(await priceOrder(db, command.request));
    const order = evolve(undefined, orderId, fact);
    const created = toEvent(
      fact,
      { id: newId(), aggregateId: orderId, aggregateVersion: order.version, occurredAt: now },
      command.provenance,
    );
    const answer = await db.transaction(async (trx): Promise<PlacedOrderAnswer> => {
      if (command.idempotencyKey) {
        const earlier = await claimIdempotencyKey(trx, { ...command.idempotencyKey, orderId, now });
        if (earlier?.bodyHash === command.idempotencyKey.bodyHash)
          return { orderId: earlier.orderId, isNew: false };
        if (earlier) {
          throw new OrderSystemError(
            'IDEMPOTENCY_KEY_REUSED',
            'this Idempotency-Key was sent with another body; send a new key for a new order',
          );
        }
      }
      await insertOrder(trx, order, created);
      return { orderId, isNew: true };
    });
    if (answer.isNew) nudge(shardsOf([created]));
    return answer;
  };
