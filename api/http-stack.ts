import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import type { Registry } from 'prom-client';
import type { Logger } from '../platform/logger.ts';
import { measureRequests } from '../platform/metrics.ts';
import { createOperationsRouter, type ReadinessCheck } from '../platform/operations.ts';
import type { Authenticate } from './auth/principal.ts';
import { contracts } from './contracts.ts';
import { serveEndpoints, type Endpoint } from './endpoints/serve.ts';
import { createDocsRouter } from './openapi/docs-router.ts';
import { createProblemHandler, notFound } from './problems.ts';
import { traceIdOf, traceparentOf, traceRequests } from './trace.ts';

export interface HttpStackDeps {
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
}

/**
 * What both APIs have around their endpoints: traces, logs, metrics, safe headers, health, the API's document, problems.
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
  app.use(
    pinoHttp({
      logger,
      genReqId: (_request, response) => traceparentOf(response as express.Response),
      customProps: (_request, response) => ({ traceId: traceIdOf(response as express.Response) }),
      customLogLevel: (_request, response, error) => (error || response.statusCode >= 500 ? 'warn' : 'debug'),
      quietReqLogger: true,
    }),
  );
  app.use(measureRequests(registry));
  app.use(createDocsRouter(contracts));
  app.use(serveEndpoints(endpoints, { authenticate, contracts, ...(before ? { before } : {}) }));
  app.use(notFound);
  app.use(createProblemHandler(logger));
  return app;
}
