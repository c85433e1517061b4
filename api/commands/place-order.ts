import { createHash } from 'node:crypto';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { toEvent, type OrderEvent, type Provenance } from '../../domain/events.ts';
import { evolve, placeOrder, type Order } from '../../domain/order.ts';
import { findProducts, type Product } from '../../db/catalogue.ts';
import type { Knex } from '../../db/connection.ts';
import { shardsOf, type Nudge } from '../../db/event-store.ts';
import { findKeys, principalKey, type KeyClaim, type KeyStates } from '../../db/idempotency.ts';
import { placeOrders, type NewOrder } from '../../db/place-orders.ts';
import { newId, type Clock } from '../../platform/clock.ts';
import { isolateFailures } from './isolate-failures.ts';
import { priceOrder } from './price-order.ts';

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

type Outcome = PromiseSettledResult<PlacedOrderAnswer>;

/** Tells whether two requests with one idempotency key ask for the same thing, however their JSON was written. */
export const hashOf = ({ customerId, paymentMethod, lines }: PlaceOrderRequest): string =>
  createHash('sha256')
    .update(JSON.stringify([customerId, paymentMethod, lines.map(({ sku, quantity }) => [sku, quantity])]))
    .digest('base64url');

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly nudge: Nudge;
  /** How long a key is remembered, in ms. */
  readonly keyTtlMs: number;
}

/** A command whose order can be written, with its first event. */
interface Priced {
  readonly command: PlaceOrder;
  readonly order: Order;
  readonly created: OrderEvent;
}

/**
 * The handler behind the queue. A batch costs one read of the catalogue and one statement that writes its orders,
 * lines, idempotency keys, outbox rows and audit entries; each command has an answer of its own.
 */
export const createPlaceOrderHandler =
  ({ db, clock, nudge, keyTtlMs }: Deps) =>
  async (batch: readonly PlaceOrder[]): Promise<Outcome[]> => {
    const now = clock.now();
    const keysFrom = new Date(now.getTime() - keyTtlMs);
    const products = await findProducts(db, skusOf(batch));
    const outcomes = new Map<PlaceOrder, Outcome>();
    const priced: Priced[] = [];
    for (const command of batch) {
      try {
        priced.push(toPriced(command, products, now));
      } catch (reason) {
        outcomes.set(command, { status: 'rejected', reason });
      }
    }
    await answerRepeats(db, keysFrom, outcomes);

    const written = await isolateFailures(priced, (some) => writeOrders(db, some, { now, keysFrom }));
    priced.forEach(({ command }, index) => {
      const outcome = written[index];
      if (outcome) outcomes.set(command, outcome);
    });
    const created = priced.filter(({ command }) => isNew(outcomes.get(command)));
    if (created.length > 0) nudge(shardsOf(created.map((one) => one.created)));
    return batch.map((command) => outcomes.get(command) ?? refused(new Error('an order was left out')));
  };

const skusOf = (batch: readonly PlaceOrder[]): string[] => [
  ...new Set(batch.flatMap(({ request }) => request.lines.map(({ sku }) => sku))),
];

/** @throws FieldProblem when the catalogue cannot serve it. */
function toPriced(command: PlaceOrder, products: ReadonlyMap<string, Product>, now: Date): Priced {
  const { orderId, request, provenance } = command;
  const fact = placeOrder(priceOrder(products, request));
  const order = evolve(undefined, orderId, fact);
  const at = { id: newId(), aggregateId: orderId, aggregateVersion: order.version, occurredAt: now };
  return { command, order, created: toEvent(fact, at, provenance) };
}

/** What was placed once stays placed for whoever repeats it, also when the catalogue has changed since. */
async function answerRepeats(db: Knex, keysFrom: Date, refusals: Map<PlaceOrder, Outcome>): Promise<void> {
  const claims = [...refusals.keys()].flatMap((command) => claimOf(command) ?? []);
  if (claims.length === 0) return;
  const states = await findKeys(db, claims, keysFrom);
  for (const command of refusals.keys())
    if (command.idempotencyKey && states.has(command.subject, command.idempotencyKey.key))
      refusals.set(command, outcomeOf(command, states));
}

/** All or none of them. */
async function writeOrders(
  db: Knex,
  priced: readonly Priced[],
  times: { readonly now: Date; readonly keysFrom: Date },
): Promise<Outcome[]> {
  const states = await placeOrders(db, firstOfEachKey(priced).map(toNewOrder), times);
  return priced.map(({ command }) => outcomeOf(command, states));
}

/** What came first in the batch has the key; the others with the same are answered by what it is tied to then. */
function firstOfEachKey(priced: readonly Priced[]): Priced[] {
  const seen = new Set<string>();
  return priced.filter(({ command: { subject, idempotencyKey } }) => {
    if (!idempotencyKey) return true;
    const key = principalKey(subject, idempotencyKey.key);
    return !seen.has(key) && seen.add(key);
  });
}

const claimOf = ({ subject, idempotencyKey }: PlaceOrder): KeyClaim | undefined =>
  idempotencyKey && { subject, ...idempotencyKey };

/** What a command comes to, by the state of its key. */
function outcomeOf({ orderId, subject, idempotencyKey }: PlaceOrder, states: KeyStates): Outcome {
  if (!idempotencyKey) return placed(orderId, true);
  const tied = states.of(subject, idempotencyKey.key);
  if (!tied) {
    return refused(
      new OrderSystemError(
        'IDEMPOTENCY_KEY_IN_USE',
        'a request with this Idempotency-Key is still being dealt with; repeat it in a moment',
      ),
    );
  }
  if (tied.bodyHash !== idempotencyKey.bodyHash) {
    return refused(
      new OrderSystemError(
        'IDEMPOTENCY_KEY_REUSED',
        'this Idempotency-Key was sent with another body; send a new key for a new order',
      ),
    );
  }
  return placed(tied.orderId, tied.orderId === orderId);
}

const placed = (orderId: string, isNewOrder: boolean): Outcome => ({
  status: 'fulfilled',
  value: { orderId, isNew: isNewOrder },
});
const refused = (reason: Error): Outcome => ({ status: 'rejected', reason });
const isNew = (outcome: Outcome | undefined): boolean =>
  outcome?.status === 'fulfilled' && outcome.value.isNew;

const toNewOrder = ({ command, order, created }: Priced): NewOrder => ({
  order,
  created,
  claim: claimOf(command),
  audit: {
    id: command.provenance.causationId,
    at: created.occurredAt,
    action: 'placeOrder',
    subject: command.subject,
    orderId: order.id,
    traceparent: command.provenance.traceparent,
    details: { customerId: order.customerId, totalMinor: order.totalMinor, currency: order.currency },
  },
});
