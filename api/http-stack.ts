import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Registry } from 'prom-client';
import type { Logger } from '../platform/logger.ts';
import { measureRequests } from '../platform/metrics.ts';
import { createOperationsRouter, type ReadinessCheck } from '../platform/operations.ts';
import type { Authenticate } from './auth/principal.ts';
import { contracts } from './contracts.ts';
import { serveEndpoints, type Endpoint } from './endpoints/serve.ts';
import { logRequests } from './log-requests.ts';
import { createProblemHandler, notFound } from './problems.ts';
import { traceRequests } from './trace.ts';

export interface HttpStackDeps {
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
}

/**
 * What both APIs have around their endpoints: traces, logs, metrics, safe headers, health, problems.
 * @param before runs for a caller who is let in, before the endpoint
 */
export function createHttpApp(
  { authenticate, logger, registry, checks }: HttpStackDeps,
  endpoints: readonly Endpoint[],
  before?: RequestHandler,
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.use(helmet());
  app.use(createOperationsRouter({ registry, checks }));
  app.use(traceRequests);
  app.use(logRequests(logger));
  app.use(measureRequests(registry));
  app.use(serveEndpoints(endpoints, { authenticate, contracts, ...(before ? { before } : {}) }));
  app.use(notFound);
  app.use(createProblemHandler(logger));
  return app;
}
