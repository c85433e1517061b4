import type { Request, Response } from 'express';
import { mayAccessOrdersOf } from '../auth/ownership.ts';
import { callerOf } from '../endpoints/serve.ts';
import { waitPreferred } from '../waiting/preference.ts';
import { READ_TOKEN, readPointsOf, type ReadPoint } from './read-token.ts';
import type { ViewWatch } from './view-watch.ts';

/** How long a query with a token waits for the views. */
export interface TokenWaits {
  /** Unless the caller prefers otherwise, in ms. */
  readonly ms: number;
  /** The longest that a caller may prefer, in seconds. */
  readonly maxSeconds: number;
}

/** Whether a request asks for a state that the views must have reached. */
export const hasReadToken = (request: Request): boolean => request.get(READ_TOKEN) !== undefined;

/**
 * What the `Read-Token` of a query stands for; nothing without one.
 * @throws FieldProblem VALIDATION_FAILED for what is no token
 */
export function readPointsAsked(request: Request): ReadPoint[] {
  const header = request.get(READ_TOKEN);
  return header === undefined ? [] : readPointsOf(header);
}

/**
 * Waits for the points that a query asks for. To whoever may not see an order the views never get there, so
 * that a token tells nobody about others' orders.
 * @returns whether the views hold them, as they do for a query that asks for none
 */
export async function viewsReached(
  { watch, tokenWaits: { ms, maxSeconds } }: { watch: ViewWatch; tokenWaits: TokenWaits },
  points: readonly ReadPoint[],
  request: Request,
  response: Response,
): Promise<boolean> {
  if (points.length === 0) return true;
  const principal = callerOf(response);
  const seconds = waitPreferred(request.get('Prefer'), maxSeconds);
  if (seconds !== undefined) response.set('Preference-Applied', `wait=${seconds}`);
  const hungUp = new AbortController();
  response.once('close', () => {
    hungUp.abort();
  });
  return watch.untilReached(points, (customerId) => mayAccessOrdersOf(principal, customerId), {
    ms: seconds === undefined ? ms : seconds * 1_000,
    signal: hungUp.signal,
  });
}
