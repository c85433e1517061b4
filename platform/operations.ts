import { Router } from 'express';
import type { Registry } from 'prom-client';

/** Rejects, saying why, while the thing it names cannot be used. */
export type ReadinessCheck = () => Promise<void>;

interface OperationsDeps {
  readonly registry: Registry;
  /** By the name that `/readyz` shows: `postgres`, `nats`, `temporal`… */
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  /** What works badly or not at all and is no reason to take the process out of service; shown by `/readyz`. */
  readonly degradations?: Readonly<Record<string, ReadinessCheck>>;
  /** Metrics kept outside the registry, in Prometheus text format (the Temporal runtime's own). */
  readonly moreMetrics?: () => Promise<string>;
}

const CHECK_LIMIT_MS = 2_000;

/** `/healthz` (the process runs), `/readyz` (names what is not ready), `/metrics` (Prometheus). */
export function createOperationsRouter({
  registry,
  checks,
  degradations,
  moreMetrics,
}: OperationsDeps): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const [results, states] = await Promise.all([outcomesOf(checks), outcomesOf(degradations ?? {})]);
    const notReady = results.filter(([, outcome]) => outcome !== 'ok').map(([name]) => name);
    const degraded = states.filter(([, outcome]) => outcome !== 'ok');
    response.status(notReady.length === 0 ? 200 : 503).json({
      status: notReady.length === 0 ? 'ready' : 'not ready',
      notReady,
      checks: Object.fromEntries(results),
      ...(degradations && { degraded: Object.fromEntries(degraded) }),
    });
  });
  router.get('/metrics', async (_request, response) => {
    const own = await registry.metrics();
    response.type(registry.contentType).send(moreMetrics ? `${own}\n${await moreMetrics()}` : own);
  });
  return router;
}

const outcomesOf = (checks: Readonly<Record<string, ReadinessCheck>>): Promise<[string, string][]> =>
  Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check)]));

/** @returns 'ok', or why not. */
async function outcomeOf(check: ReadinessCheck): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer within ${CHECK_LIMIT_MS} ms`));
    }, CHECK_LIMIT_MS);
  });
  try {
    await Promise.race([check(), limit]);
    return 'ok';
  } catch (error) {
    return error instanceof Error ? error.message || error.name : String(error);
  } finally {
    clearTimeout(timer);
  }
}
