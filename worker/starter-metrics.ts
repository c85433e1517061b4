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

/** Shows and logs that new order sagas are held back because those in progress keep the worker busy. */
export function createHeldBackMetrics(registry: Registry, logger: Logger): (isHeldBack: boolean) => void {
  const heldBack = new Gauge({
    name: 'saga_starts_held_back',
    help: 'Whether this process holds new order sagas back because sagas in progress keep it busy',
    registers: [registry],
  });
  return (isHeldBack) => {
    heldBack.set(isHeldBack ? 1 : 0);
    if (isHeldBack)
      logger.warn(
        'sagas in progress keep this worker busy: new order sagas wait until there is room; give the workers more CPU or start another one',
      );
    else logger.info('new order sagas are started without a wait again');
  };
}
