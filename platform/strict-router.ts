import { Router } from 'express';

/**
 * A router for which `/METRICS` and `/metrics/` are other paths than `/metrics`, as they are for the proxies, the
 * counters and the early checks around it, which compare texts.
 */
export const strictRouter = (): Router => Router({ caseSensitive: true, strict: true });
