import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { reasonOf } from '../../dev/servers/progress.ts';
import { eventually } from '../support/eventually.ts';
import { createInsistentClient, noAnswer } from './insistent-client.ts';
import { needsApproval, type PlannedOrder } from './orders.ts';

type CancelAnswer = 'ACCEPTED' | 'PENDING' | 'TOO_LATE';

/** What one order's client sent, and what it was told. */
interface Told {
  readonly request: PlannedOrder['request'];
  /** The words with which it was cancelled; undefined while it was not. */
  words?: string;
  /** The final answer to that. */
  cancellation?: CancelAnswer;
  /** What the operator sent; the answer may be that it came too late. */
  decision?: PlannedOrder['decision'];
}

/** Orders that come in, one after the other, whatever happens to the system. */
export interface Load {
  /** Idempotency key → order id, for each order that was accepted. */
  readonly accepted: ReadonlyMap<string, string>;
  /** By order id. */
  readonly told: ReadonlyMap<string, Told>;
  /** Every answer that a client read, each once. */
  readonly answers: ReadonlySet<string>;
  /** Cancels an accepted order, and insists until it is known what becomes of it. */
  cancel(orderId: string): Promise<CancelAnswer>;
  /** Resolves when the first order has its answer. @throws when one was refused. */
  firstAnswer(): Promise<void>;
  /** Takes no new orders; resolves when all requests that were begun have their answers. @throws when one was refused. */
  stop(): Promise<void>;
  /** Takes no new orders, and repeats no request. */
  abandon(): void;
}

/** So often a client sends an order twice at the same moment. */
const SENT_TWICE_EVERY = 3;
const REASONS_SHOWN = 3;

interface LoadOptions {
  readonly commandApi: string;
  readonly queryApi: string;
  readonly orders: readonly PlannedOrder[];
  /** From one order to the next. */
  readonly everyMs: number;
}

/**
 * Places these orders at a steady rate, as a client would that must not lose one: without an answer it repeats the
 * request with the same idempotency key. Some are cancelled afterwards, and those that need it are approved or rejected.
 */
export function startLoad({ commandApi, queryApi, orders, everyMs }: LoadOptions): Load {
  const accepted = new Map<string, string>();
  const told = new Map<string, Told>();
  const stopping = new AbortController();
  const client = createInsistentClient();
  const begun = new Set<Promise<unknown>>();
  const failures: unknown[] = [];

  const begin = (act: () => Promise<unknown>): void => {
    const running = act()
      .catch((error: unknown) => failures.push(error))
      .finally(() => begun.delete(running));
    begun.add(running);
  };

  async function place(planned: PlannedOrder, times: number): Promise<void> {
    const { request, cancelAfterMs } = planned;
    const key = randomUUID();
    const ids = await Promise.all(Array.from({ length: times }, () => placeOnce(request, key)));
    const [orderId = '', ...others] = ids;
    if (others.some((other) => other !== orderId))
      throw new Error(`one key was answered with ${ids.join(' and ')}`);
    told.set(orderId, { request });
    accepted.set(key, orderId);
    if (needsApproval(request)) begin(() => decide(orderId, planned.decision));
    if (cancelAfterMs === null) return;
    await pause(cancelAfterMs);
    await cancel(orderId);
  }

  async function placeOnce(request: PlannedOrder['request'], key: string): Promise<string> {
    const { body } = await client.post(`${commandApi}/orders`, request, {
      headers: { 'idempotency-key': key },
      isFinal: ({ status }) => status === 202,
      // The orders are valid, so that only a key in use is to be expected.
      mayBe: [409],
    });
    return (body as { orderId: string }).orderId;
  }

  async function cancel(orderId: string): Promise<CancelAnswer> {
    const words = `not needed any more: ${orderId}`;
    const record = told.get(orderId);
    if (!record) throw new Error(`order ${orderId} is not one of this load`);
    record.words = words;
    const { status, body } = await client.post(
      `${commandApi}/orders/${orderId}/cancel`,
      { reason: words },
      { isFinal: ({ status: code }) => code === 202 || code === 409, mayBe: [] },
    );
    const outcome = (body as { cancellation?: 'ACCEPTED' | 'PENDING' }).cancellation;
    return (record.cancellation = status === 409 ? 'TOO_LATE' : (outcome ?? 'PENDING'));
  }

  /** Sent until it is taken, or the order needs it no more. */
  async function decide(orderId: string, decision: PlannedOrder['decision']): Promise<void> {
    const record = told.get(orderId);
    if (record) record.decision = decision;
    await client.post(
      `${commandApi}/orders/${orderId}/approval`,
      { decision, reason: `decided about ${orderId}` },
      {
        isFinal: async ({ status }) => status === 202 || (status === 409 && (await isPastApproval(orderId))),
        mayBe: [409],
      },
    );
  }

  /** No while the views cannot be asked. */
  const isPastApproval = async (orderId: string): Promise<boolean> => {
    const response = await fetch(`${queryApi}/orders/${orderId}`).catch(noAnswer);
    if (!response?.ok) return false;
    const order = (await response.json().catch(noAnswer)) as { status: string } | undefined;
    return order !== undefined && order.status !== 'PENDING';
  };

  const running = (async () => {
    for (let next = 0; !stopping.signal.aborted; next++) {
      const order = orders[next % orders.length];
      if (!order) throw new Error('there are no orders to place');
      begin(() => place(order, next % SENT_TWICE_EVERY === 0 ? 2 : 1));
      await pause(everyMs);
    }
  })();
  const assertNoneFailed = (): void => {
    if (failures.length === 0) return;
    const reasons = [...new Set(failures.map(reasonOf))].slice(0, REASONS_SHOWN);
    throw new AggregateError(failures, `${failures.length} requests failed:\n${reasons.join('\n')}`);
  };
  return {
    accepted,
    told,
    answers: client.answers,
    cancel,
    firstAnswer: async () => {
      await eventually(() => Promise.resolve(accepted.size + failures.length > 0 || undefined), {
        what: 'an order is answered',
      });
      assertNoneFailed();
    },
    stop: async () => {
      stopping.abort();
      await running;
      // What was begun may begin more, such as an approval.
      while (begun.size > 0) await Promise.all(begun);
      assertNoneFailed();
    },
    abandon: () => {
      stopping.abort();
      client.abandon();
    },
  };
}
