import type { Registry } from 'prom-client';
import type { Knex } from '../db/connection.ts';
import { sagaHealthSummary } from '../db/saga-health.ts';
import {
  adviceOn,
  taskFailureCauses,
  type FailingSaga,
  type SagaHealthSummary,
} from '../domain/saga-health.ts';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/logger.ts';
import { NotReady } from '../platform/readiness.ts';
import { shareReading } from '../platform/shared-gauges.ts';

interface Deps {
  readonly registry: Registry;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Database of the read tables. */
  readonly readDb: Knex;
}

interface SagaHealthReport {
  /** Logs sagas that fail, each once in a while. */
  readonly onFailing: (sagas: readonly FailingSaga[]) => void;
  /** For `/readyz`. @throws NotReady naming the causes for which sagas fail */
  readonly check: () => Promise<void>;
}

/** One that goes on failing is logged again after this. */
const LOG_AGAIN_MS = 15 * 60_000;
/** A release with a bug makes every saga fail at once: then the list names the others. */
const MOST_LOGGED = 20;

/** Shows what the examinations of all workers have found: as metrics, in `/readyz` and in the log. */
export function createSagaHealthReport({ registry, logger, clock, readDb }: Deps): SagaHealthReport {
  const read = async (): Promise<SagaHealthSummary> => {
    const summary = await sagaHealthSummary(readDb);
    if (!summary) throw new Error('sagas have not been examined yet');
    return summary;
  };
  shareReading(registry, read, [
    {
      name: 'sagas_failing',
      help: 'Sagas whose workflow task fails again and again, by cause; of all workers',
      labelNames: ['cause'],
      values: ({ failing }) =>
        taskFailureCauses.map((cause) => ({ labels: { cause }, value: failing[cause] })),
    },
    {
      name: 'sagas_slow',
      help: 'Sagas that have been at their step for longer than it takes, by saga and step; of all workers',
      labelNames: ['saga', 'step'],
      values: ({ slow }) => slow.map(({ saga, step, count }) => ({ labels: { saga, step }, value: count })),
    },
    {
      name: 'saga_examination_last_success_timestamp_seconds',
      help: 'When some worker has last examined all sagas; absent before the first time',
      values: ({ examinedAt }) => [{ value: examinedAt.getTime() / 1_000 }],
    },
  ]);

  const loggedAt = new Map<string, number>();
  return {
    onFailing: (sagas) => {
      const now = clock.now().getTime();
      for (const [workflowId, at] of loggedAt) if (now - at >= LOG_AGAIN_MS) loggedAt.delete(workflowId);
      const unlogged = sagas.filter(({ workflowId }) => !loggedAt.has(workflowId));
      for (const { workflowId } of unlogged) loggedAt.set(workflowId, now);
      for (const { since, ...saga } of unlogged.slice(0, MOST_LOGGED))
        logger.error(
          { ...saga, since: since.toISOString(), advice: adviceOn[saga.cause] },
          'the workflow task of a saga fails again and again',
        );
      if (unlogged.length > MOST_LOGGED)
        logger.error(
          { more: unlogged.length - MOST_LOGGED },
          'more sagas fail in the same way: GET /operations/sagas?state=failing lists them',
        );
    },
    check: async () => {
      const summary = await sagaHealthSummary(readDb);
      const causes = taskFailureCauses.filter((cause) => (summary?.failing[cause] ?? 0) > 0);
      if (causes.length > 0)
        throw new NotReady(
          `sagas fail in their workflow code: ${causes.map((cause) => `${summary?.failing[cause]} with ${cause}`).join(', ')}; GET /operations/sagas?state=failing lists them`,
        );
    },
  };
}
