import type { RequestHandler, Response } from 'express';
import type { Knex } from '../../db/connection.ts';
import type { Clock } from '../../platform/clock.ts';
import { currentAsOf } from '../../projections/queries/freshness.ts';
import { callerOf } from '../endpoints/serve.ts';
import type { AppliedViews } from './applied-views.ts';
import { hasReadToken, readPointsAsked, viewsReached, type TokenWaits } from './await-views.ts';
import { heldUpFor } from './held-up.ts';
import { answerNotYet } from './not-yet.ts';
import type { Copies } from './read-cache.ts';
import { sharedLook } from './shared-looks.ts';
import type { ViewWatch } from './view-watch.ts';

interface Deps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly watch: ViewWatch;
  readonly tokenWaits: TokenWaits;
  readonly applied: AppliedViews;
}

/**
 * Before a query: waits for what its `Read-Token` stands for, then says in `Projection-Lag` how old the views are, in
 * seconds – all that was committed before that is in the answer – or `unknown` while that has not been found out. Read
 * before the answer's own data, so it is never too small.
 */
export function prepareReading(deps: Deps): RequestHandler {
  const askDatabase = sharedLook(() => currentAsOf(deps.db));
  return async (request, response, next) => {
    const points = readPointsAsked(request);
    const isReached = await viewsReached(deps, points, request, response);
    const announced = deps.applied.asOf();
    const asOf = announced ?? (await askDatabase());
    const lagMs = asOf && Math.max(0, deps.clock.now().getTime() - asOf.getTime());
    response.set('Projection-Lag', lagMs === undefined ? 'unknown' : (lagMs / 1_000).toFixed(3));
    // A time that the database told may be later than the last change that was announced.
    const copies: Copies = announced && !hasReadToken(request) ? 'allowed' : 'refused';
    response.locals[COPIES] = copies;
    if (isReached) next();
    else answerNotYet(response, await heldUpFor(deps.db, callerOf(response), points));
  };
}

const COPIES = 'copies';

/** Whether copies will do for the answer to a request. */
export const copiesFor = (response: Response): Copies => response.locals[COPIES] as Copies;
