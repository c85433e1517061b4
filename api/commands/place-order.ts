import { createHash } from 'node:crypto';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { toEvent, type OrderEvent, type Provenance } from '../../domain/events.ts';
import { evolve, placeOrder, type Order } from '../../domain/order.ts';
import { appendAudit, type AuditEntry } from '../../db/audit.ts';
import { findProducts, type Product } from '../../db/catalogue.ts';
import type { Knex } from '../../db/connection.ts';
import { shardsOf, type Nudge } from '../../db/event-store.ts';
import { claimKeys, findKeys, principalKey, type KeyClaim, type KeyStates } from '../../db/idempotency.ts';
import { insertOrders } from '../../db/order-repository.ts';
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
 * The handler behind the queue. A batch costs one read of the catalogue and one transaction with its orders, lines,
 * idempotency keys, outbox rows and audit entries; each command has an answer of its own.
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
  const claims = claimsOf([...refusals.keys()]);
  if (claims.length === 0) return;
  const states = await findKeys(db, claims, keysFrom);
  for (const command of refusals.keys())
    if (command.idempotencyKey && states.has(command.subject, command.idempotencyKey.key))
      refusals.set(command, outcomeOf(command, states));
}

/** All or none of them. */
const writeOrders = (
  db: Knex,
  priced: readonly Priced[],
  { now, keysFrom }: { now: Date; keysFrom: Date },
): Promise<Outcome[]> =>
  db.transaction(async (trx) => {
    const states = await claimKeys(trx, claimsOf(priced.map(({ command }) => command)), { now, keysFrom });
    const outcomes = priced.map(({ command }) => outcomeOf(command, states));
    const fresh = priced.filter((_, index) => isNew(outcomes[index]));
    await insertOrders(trx, fresh);
    await appendAudit(trx, fresh.map(toAudit));
    return outcomes;
  });

/** One per key: what came first in the batch has it. */
function claimsOf(commands: readonly PlaceOrder[]): KeyClaim[] {
  const claims = new Map<string, KeyClaim>();
  for (const { subject, idempotencyKey, orderId } of commands) {
    if (!idempotencyKey) continue;
    const id = principalKey(subject, idempotencyKey.key);
    if (!claims.has(id)) claims.set(id, { subject, ...idempotencyKey, orderId });
  }
  return [...claims.values()];
}

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

const toAudit = ({ command, order, created }: Priced): AuditEntry => ({
  id: command.provenance.causationId,
  at: created.occurredAt,
  action: 'placeOrder',
  subject: command.subject,
  orderId: order.id,
  traceparent: command.provenance.traceparent,
  details: { customerId: order.customerId, totalMinor: order.totalMinor, currency: order.currency },
});
