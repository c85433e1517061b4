import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from '../platform/logger.ts';
import type { StarterDeps } from './saga-starters.ts';

/** Counts and logs events that should start a saga and cannot be read. */
export function createStarterMetrics(registry: Registry, logger: Logger): StarterDeps['onUnreadable'] {
  const unreadable = new Counter({
    name: 'saga_starter_unreadable_total',
    help: 'Deliveries of messages that should start a saga and cannot be read, by event type',
    labelNames: ['event'],
    registers: [registry],
  });
  return (event, { subject, seq }, error) => {
    unreadable.inc({ event });
    logger.error(
      { err: error, subject, streamSequence: seq },
      'an event that should start a saga cannot be read; it is delivered again only when its version is newer than this release. The search for orders without a saga starts the saga (SAGA_WATCH_INTERVAL_MS above 0, or npm run sagas -- orphans), and npm run parked lists the event',
    );
  };
}

/** Shows and logs that new order sagas are held back because tasks of those in progress wait. */
export function createHeldBackMetrics(
  registry: Registry,
  logger: Logger,
): (isHeldBack: boolean, waitedMs: number) => void {
  const heldBack = new Gauge({
    name: 'saga_starts_held_back',
    help: 'Whether this process starts no new order sagas because tasks of sagas in progress wait for a worker',
    registers: [registry],
  });
  return (isHeldBack, waitedMs) => {
    heldBack.set(isHeldBack ? 1 : 0);
    if (isHeldBack)
      logger.warn(
        { waitedMs: Math.round(waitedMs) },
        'tasks of sagas in progress wait for a worker: new order sagas are held back until they are done; give the workers more CPU or start another one',
      );
    else logger.info('new order sagas are started again');
  };
}
