import type { Request, Response } from 'express';
import type { Knex } from '../../db/connection.ts';
import { findOrder } from '../../db/order-repository.ts';
import type { Logger } from '../../platform/logger.ts';
import { READ_TOKEN, readTokenOf, type ReadPoint } from '../reading/read-token.ts';
import type { OrderState } from './order-state.ts';
import type { OrderWait, OrderWaits } from './order-waits.ts';
import { waitPreferred } from './preference.ts';

export interface WaitDeps {
  readonly db: Knex;
  readonly waits: OrderWaits;
  readonly logger: Logger;
}

interface Command {
  readonly request: Request;
  readonly response: Response;
  /** The order as it is before the command. */
  readonly order: OrderState;
  /** What a caller who would rather wait waits for. */
  readonly isEnd: (state: OrderState) => boolean;
  /** Carries it out. */
  readonly act: () => Promise<{
    /** Another than the one above when the command had been given before. */
    readonly orderId: string;
    /** Whether the order may have ended before anybody listened. */
    readonly mayHaveEnded: boolean;
    /** @param state undefined when nobody waited */
    readonly body: (state: OrderState | undefined) => object;
  }>;
}

/**
 * Carries out a command on an order and answers 202 at once; or, where the caller prefers to wait (`Prefer: wait=10`),
 * 200 with the order's end, and 202 with how far it got when the time is up. What has been accepted is never refused
 * because nobody can wait for it: it is then answered at once.
 */
export async function answerInTime(
  deps: WaitDeps,
  { request, response, order, isEnd, act }: Command,
): Promise<void> {
  const seconds = waitPreferred(request.get('Prefer'), deps.waits.maxSeconds);
  const hungUp = new AbortController();
  if (seconds !== undefined)
    response.once('close', () => {
      hungUp.abort();
    });
  let wait = seconds === undefined ? undefined : await deps.waits.begin(order);
  try {
    const { orderId, mayHaveEnded, body } = await act();
    if (wait && orderId !== order.id) {
      wait.stop();
      wait = await deps.waits.begin({ ...order, id: orderId });
    }
    if (wait && seconds !== undefined) {
      if (mayHaveEnded) await learn(deps, wait);
      await wait.until(isEnd, seconds * 1_000, hungUp.signal);
      // Its last event may have been missed while NATS was out of reach.
      if (!isEnd(wait.state) && !hungUp.signal.aborted) await learn(deps, wait);
      response.set('Preference-Applied', `wait=${seconds}`);
    }
    const seen = wait?.state ?? (mayHaveEnded ? await look(deps, orderId) : PLACED);
    // An order that was just placed has its first event, whoever has heard of it.
    if (seen) tellReadToken(response, { orderId, version: Math.max(seen.version, PLACED.version) });
    const answer = body(wait?.state);
    response
      .status(wait && isEnd(wait.state) ? 200 : 202)
      .location(`/orders/${orderId}`)
      .json(answer);
  } finally {
    wait?.stop();
  }
}

/** How it ended, for a body. */
export const endOf = ({ status, cancelReason }: OrderState): object => ({
  status,
  ...(cancelReason === null ? {} : { cancelReason }),
});

const PLACED = { version: 1 };

/** What a reader who sends it back will see at least. */
export const tellReadToken = (response: Response, point: ReadPoint): void => {
  response.set(READ_TOKEN, readTokenOf(point));
};

/** One look at the order's row; undefined when it fails: the command was accepted, and is answered so. */
export async function look(
  { db, logger }: Pick<WaitDeps, 'db' | 'logger'>,
  orderId: string,
): Promise<OrderState | undefined> {
  try {
    return await findOrder(db, orderId);
  } catch (error) {
    logger.warn({ err: error, orderId }, 'an order cannot be looked at after a command');
    return undefined;
  }
}

async function learn(deps: WaitDeps, wait: OrderWait): Promise<void> {
  const seen = await look(deps, wait.state.id);
  if (seen) wait.learn(seen);
}
