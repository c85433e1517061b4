import type { Express } from 'express';
import { createHttpApp, type HttpStackDeps } from './http-stack.ts';
import { createQueryRoutes, type QueryDeps } from './queries/query-routes.ts';

/** The query side: reads the read tables and nothing else, and changes nothing. */
export const createQueryApp = (deps: QueryDeps & HttpStackDeps): Express =>
  createHttpApp(deps, createQueryRoutes(deps));
