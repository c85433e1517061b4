import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { reasonOf } from '../../dev/servers/progress.ts';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { eventually } from '../support/eventually.ts';
import { post } from '../support/http.ts';

/** Orders that come in, one after the other, whatever happens to the system. */
export interface Load {
  /** Idempotency key → order id, for each order that was accepted. */
  readonly accepted: ReadonlyMap<string, string>;
  /** Resolves when the first order has its answer. @throws when one was refused. */
  firstAnswer(): Promise<void>;
  /** Takes no new orders; resolves when those that were begun have been accepted. @throws when one was refused. */
  stop(): Promise<void>;
  /** Takes no new orders, and repeats none that was begun: nobody waits for them any more. */
  abandon(): void;
}

const RETRY_MS = 250;
/** So often a client sends an order twice at the same moment. */
const SENT_TWICE_EVERY = 3;
const REASONS_SHOWN = 3;

/**
 * Places these orders at a steady rate, as a client would that must not lose one: without an answer it repeats the
 * request with the same idempotency key.
 * @param everyMs from one order to the next
 */
export function startLoad(url: string, orders: readonly PlaceOrderRequest[], everyMs: number): Load {
  const accepted = new Map<string, string>();
  const stopping = new AbortController();
  const abandoning = new AbortController();
  const placing = new Set<Promise<unknown>>();
  const failures: unknown[] = [];

  async function place(order: PlaceOrderRequest, times: number): Promise<void> {
    const key = randomUUID();
    const told = await Promise.all(Array.from({ length: times }, () => insist(order, key)));
    const [orderId = '', ...others] = told;
    if (others.some((other) => other !== orderId))
      throw new Error(`one key was answered with ${told.join(' and ')}`);
    accepted.set(key, orderId);
  }

  /** @returns the order's id */
  async function insist(order: PlaceOrderRequest, key: string): Promise<string> {
    while (!abandoning.signal.aborted) {
      const response = await post(`${url}/orders`, order, { 'idempotency-key': key }).catch(noAnswer);
      const text = await response?.text().catch(noAnswer);
      if (response?.status === 202 && text !== undefined)
        return (JSON.parse(text) as { orderId: string }).orderId;
      // Nothing but a key that is still in use, or a fault of the system, can be expected: the orders are valid.
      if (response && response.status < 500 && ![202, 409].includes(response.status))
        throw new Error(`an order was refused with ${response.status}: ${text ?? ''}`);
      await pause(RETRY_MS);
    }
    throw new Error('the order was given up before it was accepted');
  }

  const running = (async () => {
    for (let next = 0; !stopping.signal.aborted; next++) {
      const order = orders[next % orders.length];
      if (!order) throw new Error('there are no orders to place');
      const placed = place(order, next % SENT_TWICE_EVERY === 0 ? 2 : 1)
        .catch((error: unknown) => failures.push(error))
        .finally(() => placing.delete(placed));
      placing.add(placed);
      await pause(everyMs);
    }
  })();
  const assertNoneFailed = (): void => {
    if (failures.length === 0) return;
    const reasons = [...new Set(failures.map(reasonOf))].slice(0, REASONS_SHOWN);
    throw new AggregateError(failures, `${failures.length} orders failed:\n${reasons.join('\n')}`);
  };
  return {
    accepted,
    firstAnswer: async () => {
      await eventually(() => Promise.resolve(accepted.size + failures.length > 0 || undefined), {
        what: 'an order is answered',
      });
      assertNoneFailed();
    },
    stop: async () => {
      stopping.abort();
      await running;
      await Promise.all(placing);
      assertNoneFailed();
    },
    abandon: () => {
      stopping.abort();
      abandoning.abort();
    },
  };
}

/** What `fetch` rejects with when a connection is refused or breaks; anything else is a fault of the test or the API. */
function noAnswer(error: unknown): undefined {
  if (!(error instanceof TypeError)) throw error;
}
