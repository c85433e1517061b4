import type { Express } from 'express';
import { createAnalyticsEndpoints, type AnalyticsDeps } from './analytics/analytics-endpoints.ts';
import { createHttpApp, type HttpStackDeps } from './http-stack.ts';
import { createLiveEndpoints, type LiveDeps } from './live/live-endpoints.ts';
import { tellProjectionLag } from './queries/freshness.ts';
import { createQueryEndpoints, type QueryDeps } from './queries/query-endpoints.ts';

/** The query side: reads the read tables and the event stream, and changes nothing. */
export const createQueryApp = (deps: QueryDeps & AnalyticsDeps & LiveDeps & HttpStackDeps): Express =>
  createHttpApp(
    deps,
    [...createQueryEndpoints(deps), ...createAnalyticsEndpoints(deps), ...createLiveEndpoints(deps)],
    tellProjectionLag(deps.db, deps.clock),
  );
