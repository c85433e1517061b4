import { Counter, Gauge, type Registry } from 'prom-client';
import type { Restart } from '../activities/saga-watch/restart-orphans.ts';
import { orphansIn, type SagaWatchReport } from '../domain/saga-watch.ts';
import type { Logger } from '../platform/logger.ts';

interface SagaWatchObserver {
  onRestarted(restart: Restart): void;
  onFailed(error: unknown, restart: Restart): void;
  onReport(report: SagaWatchReport): void;
}

/** Searches that another worker made since leave this process's figure out of date after so many intervals. */
const CURRENT_FOR_INTERVALS = 3;

/** Logs and counts what the search for orphans finds. @param everyMs how often it runs */
export function createSagaWatchMetrics(
  registry: Registry,
  logger: Logger,
  everyMs: number,
): SagaWatchObserver {
  const last: { report?: SagaWatchReport; at: number } = { at: 0 };
  const restarted = new Counter({
    name: 'sagas_restarted_total',
    help: 'Sagas that this process started again because their order had lost them, by saga and reason',
    labelNames: ['saga', 'reason'],
    registers: [registry],
  });
  new Gauge({
    name: 'sagas_orphaned',
    help: 'Open orders without a running saga at the last search, when this process made it; absent otherwise',
    registers: [registry],
    collect: function () {
      this.remove();
      if (last.report && Date.now() - last.at < CURRENT_FOR_INTERVALS * everyMs)
        this.set(orphansIn(last.report));
    },
  });
  const lastSuccess = new Gauge({
    name: 'saga_watch_last_success_timestamp_seconds',
    help: 'When the last search for orders without a saga that this process made ended; 0 for none yet',
    registers: [registry],
  });
  return {
    onRestarted: (restart) => {
      restarted.inc({ saga: restart.saga, reason: restart.reason });
      logger.warn(restart, 'an order had lost its saga, which was started again');
    },
    onFailed: (error, restart) => {
      logger.error(
        { err: error, ...restart },
        'an order has lost its saga, which could not be started again yet',
      );
    },
    onReport: (report) => {
      last.report = report;
      last.at = Date.now();
      lastSuccess.set(last.at / 1_000);
    },
  };
}
