import type { Router } from 'express';
import type { Registry } from 'prom-client';
import type { Logger } from './logger.ts';
import { strictRouter } from './strict-router.ts';
import { createReadiness, type ReadinessCheck } from './readiness.ts';

interface OperationsDeps {
  readonly registry: Registry;
  /** By the name that `/readyz` shows: `postgres`, `nats`, `temporal`… */
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  /** Takes what a failing check says. */
  readonly logger: Logger;
  /** What works badly or not at all and is no reason to take the process out of service; shown by `/readyz`. */
  readonly degradations?: Readonly<Record<string, ReadinessCheck>>;
  /** Metrics kept outside the registry, in Prometheus text format (the Temporal runtime's own). */
  readonly moreMetrics?: () => Promise<string>;
}

/** `/healthz` (the process runs), `/readyz` (names what is not ready), `/metrics` (Prometheus). */
export function createOperationsRouter({
  registry,
  checks,
  degradations,
  logger,
  moreMetrics,
}: OperationsDeps): Router {
  const outcomes = createReadiness(checks, logger);
  const degraded = createReadiness(degradations ?? {}, logger);
  const router = strictRouter();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const [results, states] = await Promise.all([outcomes(), degraded()]);
    const failing = (all: Readonly<Record<string, string>>): string[] =>
      Object.keys(all).filter((name) => all[name] !== 'ok');
    const notReady = failing(results);
    response.status(notReady.length === 0 ? 200 : 503).json({
      status: notReady.length === 0 ? 'ready' : 'not ready',
      notReady,
      checks: results,
      ...(degradations && {
        degraded: Object.fromEntries(failing(states).map((name) => [name, states[name]])),
      }),
    });
  });
  router.get('/metrics', async (_request, response) => {
    const own = await registry.metrics();
    response.type(registry.contentType).send(moreMetrics ? `${own}\n${await moreMetrics()}` : own);
  });
  return router;
}
