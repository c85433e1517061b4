import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../platform/logger.ts';
import type { StarterDeps } from './saga-starters.ts';

/** Counts and logs events that should start a saga and cannot be read. */
export function createStarterMetrics(registry: Registry, logger: Logger): StarterDeps['onUnreadable'] {
  const unreadable = new Counter({
    name: 'saga_starter_unreadable_total',
    help: 'Messages that should start a saga, cannot be read and are not delivered again, by event type',
    labelNames: ['event'],
    registers: [registry],
  });
  return (event, { subject, seq }, error) => {
    unreadable.inc({ event });
    logger.error(
      { err: error, subject, streamSequence: seq },
      'an event that should start a saga cannot be read and is not delivered again: the search for orders without a saga starts it (npm run sagas -- orphans), and the event is listed by npm run parked',
    );
  };
}
