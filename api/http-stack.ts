import express, { type Express, type RequestHandler } from 'express';
import helmet from 'helmet';
import type { Registry } from 'prom-client';
import type { Logger } from '../platform/logger.ts';
import { measureRequests } from '../platform/metrics.ts';
import { createOperationsRouter } from '../platform/operations.ts';
import type { ReadinessCheck } from '../platform/readiness.ts';
import type { Authenticate } from './auth/principal.ts';
import { contracts } from './contracts.ts';
import { callerOf, refuseWithoutRoom, serveEndpoints, type Endpoint } from './endpoints/serve.ts';
import { defaultBodyLimits, readBodies, type BodyLimits } from './limits/bodies.ts';
import { strongETag } from './endpoints/etag.ts';
import { allowOrigins } from './limits/cross-origin.ts';
import { boundGuessing } from './limits/failed-authentications.ts';
import { letInLocal } from './limits/local-only.ts';
import { limitRate } from './limits/rate-limit.ts';
import { boundUrlLength } from './limits/url-length.ts';
import { logRequests } from './log-requests.ts';
import { createDocsRouter } from './openapi/docs-router.ts';
import { createApiDocument } from './openapi/document.ts';
import { createProblemHandler, notFound } from './problems.ts';
import { traceRequests } from './trace.ts';

export interface HttpStackDeps {
  readonly authenticate: Authenticate;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  readonly limits?: Partial<ApiLimits>;
  /** Set where everybody is let in: requests that name another host, or come from pages of other sites, are refused. */
  readonly localOnly?: boolean;
}

/** What those who ask may cost; what is left out is not bounded, and no page of another origin is let in. */
export interface ApiLimits {
  /** Requests of one caller in a minute. */
  readonly ratePerMinute: number;
  /** Refused tokens from one address in a minute. */
  readonly authFailuresPerMinute: number;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly corsOrigins: readonly string[];
  readonly bodies: BodyLimits;
}

/**
 * What both APIs have around their endpoints: traces, logs, metrics, safe headers, health, the API's document, problems.
 * @param before runs for a caller who is let in, before the endpoint
 */
export function createHttpApp(
  { authenticate, logger, registry, checks, limits = {}, localOnly = false }: HttpStackDeps,
  endpoints: readonly Endpoint[],
  before?: RequestHandler,
): Express {
  const { ratePerMinute = 0, authFailuresPerMinute = 0, trustedProxies = [], corsOrigins = [] } = limits;
  const document = createApiDocument(contracts);
  const app = express();
  app.enable('case sensitive routing').enable('strict routing');
  app.set('trust proxy', trustedProxies);
  app.set('etag', strongETag);
  app.disable('x-powered-by');
  app.use(helmet());
  // A refused request has a trace as well.
  if (localOnly) app.use(traceRequests, letInLocal(corsOrigins));
  app.use(createOperationsRouter({ registry, checks, logger }));
  if (!localOnly) app.use(traceRequests);
  app.use(logRequests(logger));
  app.use(measureRequests(registry));
  app.use(...allowOrigins(corsOrigins, contracts, document), boundUrlLength, refuseWithoutRoom(endpoints));
  app.use(createDocsRouter(document));
  app.use(
    serveEndpoints(endpoints, {
      authenticate: boundGuessing(authenticate, authFailuresPerMinute),
      contracts,
      limitRate: limitRate(ratePerMinute, (response) => callerOf(response).subject),
      ...(before ? { before } : {}),
      readBody: readBodies(limits.bodies ?? defaultBodyLimits),
    }),
  );
  app.use(notFound);
  app.use(createProblemHandler(logger));
  return app;
}
