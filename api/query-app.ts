import type { Express } from 'express';
import { createHttpApp, type HttpStackDeps } from './http-stack.ts';
import { tellProjectionLag } from './queries/freshness.ts';
import { createQueryEndpoints, type QueryDeps } from './queries/query-endpoints.ts';

/** The query side: reads the read tables and nothing else, and changes nothing. */
export const createQueryApp = (deps: QueryDeps & HttpStackDeps): Express =>
  createHttpApp(deps, createQueryEndpoints(deps), tellProjectionLag(deps.db, deps.clock));
