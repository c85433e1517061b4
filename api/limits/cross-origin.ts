import cors from 'cors';
import type { RequestHandler } from 'express';

/** What a script of another origin may read besides the body. */
const exposedHeaders = [
  'Location',
  'ETag',
  'Projection-Lag',
  'Preference-Applied',
  'Read-Token',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'traceparent',
];
const PREFLIGHT_SECONDS = 600;

/**
 * Lets pages of these origins ask, and answers their preflights, which carry no token. Tokens travel in a header, not
 * in cookies, so no credentials are allowed for. No origins: no such answer is given at all.
 */
export const allowOrigins = (origins: readonly string[]): RequestHandler[] =>
  origins.length === 0
    ? []
    : [
        cors({
          origin: [...origins],
          methods: ['GET', 'HEAD', 'POST'],
          allowedHeaders: [
            'Authorization',
            'Content-Type',
            'Idempotency-Key',
            'If-None-Match',
            'Prefer',
            'Read-Token',
            'traceparent',
          ],
          exposedHeaders,
          maxAge: PREFLIGHT_SECONDS,
        }),
      ];
