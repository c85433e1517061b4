import type { RequestHandler, Response } from 'express';
import { rateLimit, type AugmentedRequest } from 'express-rate-limit';
import { RateLimited } from './rate-limited.ts';

const WINDOW_MS = 60_000;

/**
 * Lets each caller make so many requests in a minute, told in `RateLimit` and `RateLimit-Policy` (IETF draft 8).
 * Counted in this process: N processes allow N times as much.
 * @param perMinute 0: no limit @param callerOf who asks, found out before
 */
export function limitRate(perMinute: number, callerOf: (response: Response) => string): RequestHandler {
  if (perMinute === 0) {
    return (_request, _response, next) => {
      next();
    };
  }
  return rateLimit({
    windowMs: WINDOW_MS,
    limit: perMinute,
    identifier: 'per-caller',
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    keyGenerator: (_request, response) => callerOf(response),
    handler: (request, _response, next) => {
      const { resetTime } = (request as AugmentedRequest)['rateLimit'] ?? {};
      next(new RateLimited(`a caller may make ${perMinute} requests in a minute`, resetTime));
    },
  });
}
