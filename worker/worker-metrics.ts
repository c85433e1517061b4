import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { RelayWatcher } from '../activities/outbox-relay/activities.ts';
import type { ChangedOrder } from '../db/order-repository.ts';
import type { Knex } from '../db/connection.ts';
import { OUTBOX_SCHEMA } from '../db/migrations/0002-outbox.ts';
import { outboxStatus } from '../db/outbox/status.ts';
import type { Logger } from '../platform/logger.ts';
import { shareReading } from '../platform/shared-gauges.ts';

const STEP_BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SAGA_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export interface StepMetrics {
  /** @param error the failure's type, undefined when the step succeeded. */
  ended(step: string, seconds: number, error?: string): void;
}

export function createStepMetrics(registry: Registry): StepMetrics {
  const duration = new Histogram({
    name: 'saga_step_duration_seconds',
    help: 'Time of one attempt of a saga step, by step and outcome',
    labelNames: ['step', 'outcome'],
    buckets: STEP_BUCKETS,
    registers: [registry],
  });
  const errors = new Counter({
    name: 'saga_step_errors_total',
    help: 'Attempts of saga steps that failed, by step and error code',
    labelNames: ['step', 'code'],
    registers: [registry],
  });
  return {
    ended: (step, seconds, error) => {
      duration.observe({ step, outcome: error === undefined ? 'ok' : 'error' }, seconds);
      if (error !== undefined) errors.inc({ step, code: error });
    },
  };
}

/** @returns what to call when a saga brought its order to an end. */
export function createOrderMetrics(registry: Registry): (ended: ChangedOrder) => void {
  const completed = new Counter({
    name: 'orders_completed_total',
    help: 'Orders completed by this process',
    registers: [registry],
  });
  const cancelled = new Counter({
    name: 'orders_cancelled_total',
    help: 'Orders cancelled by this process, by reason',
    labelNames: ['reason'],
    registers: [registry],
  });
  const delivered = new Counter({
    name: 'orders_delivered_total',
    help: 'Orders whose delivery this process recorded',
    registers: [registry],
  });
  const refunded = new Counter({
    name: 'orders_refunded_total',
    help: 'Orders refunded by this process because they could not be delivered, by reason',
    labelNames: ['reason'],
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'saga_duration_seconds',
    help: 'Time from accepting an order to the end of its order saga or its shipment saga, by the status it got there',
    labelNames: ['status'],
    buckets: SAGA_BUCKETS,
    registers: [registry],
  });
  return ({ order, events, placedAt }) => {
    const reason = order.cancelReason ?? 'FAILED';
    if (order.status === 'COMPLETED') completed.inc();
    else if (order.status === 'DELIVERED') delivered.inc();
    else if (order.status === 'REFUNDED') refunded.inc({ reason });
    else cancelled.inc({ reason });
    const last = events.at(-1);
    if (last)
      duration.observe({ status: order.status }, (Date.parse(last.occurredAt) - placedAt.getTime()) / 1_000);
  };
}

/** What the relays of this process do, and how far each shard is behind, whoever relays it. */
export function createRelayMetrics(registry: Registry, db: Knex, logger: Logger): RelayWatcher {
  const published = new Counter({
    name: 'outbox_published_total',
    help: 'Outbox rows published by this process',
    labelNames: ['shard'],
    registers: [registry],
  });
  const pages = new Counter({
    name: 'outbox_pages_total',
    help: 'Pages published: as one atomic batch, or message by message because they are few or had repeats in them',
    labelNames: ['shard', 'as'],
    registers: [registry],
  });
  const pageRows = new Histogram({
    name: 'outbox_page_rows',
    help: 'Rows that were published together',
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000],
    registers: [registry],
  });
  const pageDuration = new Histogram({
    name: 'outbox_page_duration_seconds',
    help: 'Time to publish one page',
    buckets: STEP_BUCKETS,
    registers: [registry],
  });
  const failures = new Counter({
    name: 'outbox_failures_total',
    help: 'Times a relay had to begin again because something did not answer',
    labelNames: ['shard'],
    registers: [registry],
  });
  const rewinds = new Counter({
    name: 'outbox_rewinds_total',
    help: 'Times a relay published again because the stream had lost messages',
    labelNames: ['shard'],
    registers: [registry],
  });
  const epochs = new Gauge({
    name: 'outbox_owner_epoch',
    help: 'Epoch under which this process last took the shard',
    labelNames: ['shard'],
    registers: [registry],
  });
  const parked = new Counter({
    name: 'outbox_parked_total',
    help: 'Outbox rows that this process could not publish; they wait for an operator',
    labelNames: ['shard'],
    registers: [registry],
  });
  measureBacklog(registry, db);
  return {
    claimed: (shard, epoch) => {
      epochs.set({ shard }, Number(epoch));
      logger.info({ shard, epoch }, 'outbox shard taken');
    },
    published: (shard, rows, seconds) => {
      published.inc({ shard }, rows.length);
      pageRows.observe(rows.length);
      pageDuration.observe(seconds);
    },
    page: (shard, as) => {
      pages.inc({ shard, as });
    },
    rewound: (shard, to) => {
      rewinds.inc({ shard });
      logger.warn(
        { shard, to },
        'the stream has lost messages; publishing again what the outbox holds of them',
      );
    },
    streamAhead: (shard, { id, sequence }) => {
      logger.error(
        { shard, eventId: id, sequence },
        'the stream is ahead of the database: nothing is published until an operator decides (npm run set-back -- status)',
      );
    },
    parked: (shard, row, cause) => {
      parked.inc({ shard });
      const { seq, aggregateId, eventType } = row;
      logger.error({ shard, seq, aggregateId, eventType, cause }, 'an outbox row cannot be published');
    },
    setAside: (shard, { seq, aggregateId, eventType }, cause) => {
      logger.warn(
        { shard, seq, aggregateId, eventType, cause },
        'the stream refuses an outbox row: it is tried again apart from the others, and parked if they pass',
      );
    },
    failed: (shard, error, delayMs) => {
      failures.inc({ shard });
      logger.warn({ shard, err: error, delayMs }, 'the relay begins again');
    },
  };
}

function measureBacklog(registry: Registry, db: Knex): void {
  const labelNames = ['shard'];
  shareReading(registry, () => outboxStatus(db, { schema: OUTBOX_SCHEMA }), [
    {
      name: 'outbox_backlog_age_seconds',
      help: 'Age of the oldest outbox row that is not published',
      labelNames,
      values: ({ shards }) =>
        shards.map(({ shard, ageSeconds }) => ({ labels: { shard }, value: ageSeconds })),
    },
    {
      name: 'outbox_held_rows',
      help: 'Outbox rows that wait for an operator (parked), and rows that wait behind them (waiting)',
      labelNames: ['shard', 'state'],
      values: ({ shards }) =>
        shards.flatMap(({ shard, parked, waiting }) => [
          { labels: { shard, state: 'parked' }, value: parked },
          { labels: { shard, state: 'waiting' }, value: waiting },
        ]),
    },
    {
      name: 'outbox_oldest_transaction_seconds',
      help: 'Age of the oldest open transaction of the database that this user may see',
      values: ({ oldestTransactionSeconds }) => [{ value: oldestTransactionSeconds }],
    },
    {
      name: 'outbox_backlog_rows',
      help: 'Committed outbox rows that are not published',
      labelNames,
      values: ({ shards }) => shards.map(({ shard, rows }) => ({ labels: { shard }, value: rows })),
    },
  ]);
}
