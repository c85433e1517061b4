import type { RequestHandler } from 'express';
import type { Knex } from '../../db/connection.ts';
import type { Clock } from '../../platform/clock.ts';
import { currentAsOf } from '../../projections/queries/freshness.ts';

/**
 * `Projection-Lag`: how old the views are, in seconds – all that was committed before that is in the answer – or
 * `unknown` while that has not been found out. Read before the answer's own data, so it is never too small.
 */
export const tellProjectionLag =
  (db: Knex, clock: Clock): RequestHandler =>
  async (_request, response, next) => {
    const asOf = await currentAsOf(db);
    const lagMs = asOf && Math.max(0, clock.now().getTime() - asOf.getTime());
    response.set('Projection-Lag', lagMs === undefined ? 'unknown' : (lagMs / 1_000).toFixed(3));
    next();
  };
