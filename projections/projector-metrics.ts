import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Logger } from '../platform/logger.ts';
import { NotReady, type ReadinessCheck } from '../platform/readiness.ts';
import { StreamMissingError } from '../messaging/stream-reader.ts';
import type { ProjectorObserver } from './projector.ts';

/** Metrics and logs of a projector. */
export function createProjectorMetrics(
  registry: Registry,
  logger: Logger,
): { observer: ProjectorObserver; /** Why it stands still, if it does. */ check: ReadinessCheck } {
  let asOf: Date | undefined;
  let failure: unknown;
  let held: readonly number[] = [];
  const applied = new Counter({
    name: 'projection_events_total',
    help: 'Events applied to the read tables by this process',
    registers: [registry],
  });
  const pending = new Gauge({
    name: 'projection_pending_messages',
    help: 'Messages in the stream that are not applied',
    registers: [registry],
  });
  const failures = new Counter({
    name: 'projection_failures_total',
    help: 'Times the projector stood still because of an error',
    registers: [registry],
  });
  const gaps = new Counter({
    name: 'projection_gaps_total',
    help: 'Events of orders that came without the one before them',
    registers: [registry],
  });
  const parkedAggregates = new Gauge({
    name: 'projection_parked_aggregates',
    help: 'Orders and products in the partitions of this process of which an event waits for an operator',
    registers: [registry],
  });
  const parkedEvents = new Gauge({
    name: 'projection_parked_events',
    help: 'Events of these, with those that wait behind',
    registers: [registry],
  });
  new Gauge({
    name: 'projection_lag_seconds',
    help: 'Age of the views: all that was committed before that is in them',
    registers: [registry],
    collect: function () {
      if (asOf) this.set((Date.now() - asOf.getTime()) / 1_000);
      else this.remove();
    },
  });
  const visible = new Histogram({
    name: 'projection_visible_seconds',
    help: 'From the time of an event to its being in the views',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers: [registry],
  });
  return {
    observer: {
      visible: ({ events }) => {
        const now = Date.now();
        for (const { occurredAt } of events)
          visible.observe(Math.max(0, now - Date.parse(occurredAt)) / 1_000);
      },
      applied: (events, behind) => {
        failure = undefined;
        applied.inc(events.length);
        pending.set(behind);
      },
      gap: ({ event: { aggregateId, aggregateVersion, type }, expected }) => {
        gaps.inc();
        logger.warn(
          { orderId: aggregateId, version: aggregateVersion, type, expected },
          'an event is missing before this one: what the views show of the order may be incomplete',
        );
      },
      parked: ({ aggregate: { type, id }, cause, detail, error }) => {
        logger.error(
          {
            ...(type === 'order' ? { orderId: id } : { aggregate: `${type} ${id}` }),
            cause,
            detail,
            ...(error === undefined ? {} : { err: error }),
          },
          'an event cannot be applied: it is parked, and later ones of the same wait behind it',
        );
      },
      waiting: ({ aggregates, events }) => {
        parkedAggregates.set(aggregates);
        parkedEvents.set(events);
      },
      currentAsOf: (time) => {
        asOf = time ?? asOf;
        if (time) failure = undefined;
      },
      holds: (partitions) => {
        failure = undefined;
        if (partitions.length === 0) {
          asOf = undefined;
          parkedAggregates.set(0);
          parkedEvents.set(0);
        }
        if (held.join() === partitions.join()) return;
        held = partitions;
        logger.info({ partitions }, partitions.length > 0 ? 'applies these partitions' : 'stands by');
      },
      restarted: (reason) => {
        logger.warn({ reason }, 'applying the stream from its beginning');
      },
      announcementIgnored: (error) => {
        logger.warn({ err: error }, 'a message on the subject of a relay cannot be read and is ignored');
      },
      failed: (error) => {
        // The same error comes again with each try; it is told when it is new. In a new system the projector may
        // be there before the stream.
        const level =
          failure !== undefined ? 'debug' : error instanceof StreamMissingError ? 'info' : 'error';
        failure = error;
        failures.inc();
        logger[level]({ err: error }, 'the read tables stand still; trying again');
      },
    },
    check: () => (failure === undefined ? Promise.resolve() : Promise.reject(standsStill(failure))),
  };
}

const standsStill = (cause: unknown): NotReady =>
  new NotReady(
    cause instanceof StreamMissingError
      ? 'the event stream does not exist yet: the worker makes it'
      : 'the read tables stand still; the log of the projector says why',
    { cause },
  );
