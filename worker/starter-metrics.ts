import { Counter, type Registry } from 'prom-client';
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
