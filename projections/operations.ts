import type { OrderEvent } from '../domain/events.ts';
import { changeBy } from '../domain/order.ts';
import { slotOf } from './durations.ts';
import { figures, projection } from './kit/projection.ts';
import type { Table } from './kit/table.ts';
import { bucketOf } from './buckets.ts';

/** A time that a saga of an order waited for an operator. */
interface Wait {
  readonly cause: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Null while it lasts. */
  readonly until: string | null;
}

/** When the sagas of an order began and ended, ISO 8601, and why. */
interface Run {
  readonly orderId: string;
  readonly version: number;
  readonly acceptedAt: string;
  readonly completedAt: string | null;
  readonly cancelledAt: string | null;
  readonly deliveredAt: string | null;
  readonly refundedAt: string | null;
  /** Why it was cancelled or refunded. */
  readonly cause: string | null;
  readonly waits: readonly Wait[];
}

/** What happened to sagas within the same 15 minutes. */
export type Happening =
  'accepted' | 'completed' | 'cancelled' | 'delivered' | 'refunded' | 'stuck' | 'resolved';

interface OperationsRow {
  /** ISO 8601: start of the 15 minutes, in UTC, in which it happened. */
  readonly bucket: string;
  readonly what: Happening;
  /** Why it was cancelled, refunded or stuck; `''` for the others. */
  readonly cause: string;
  /** How long it took – from acceptance to completion, or being stuck – by `slotOf`; 0 for the others. */
  readonly slot: number;
  readonly times: number;
}

const runs: Table<Run> = {
  name: 'operations_runs',
  columns: {
    orderId: 'uuid',
    version: 'integer',
    acceptedAt: 'timestamptz',
    completedAt: 'timestamptz?',
    cancelledAt: 'timestamptz?',
    deliveredAt: 'timestamptz?',
    refundedAt: 'timestamptz?',
    cause: 'text?',
    waits: 'jsonb',
  },
  key: ['orderId'],
};

const operationsTable: Table<OperationsRow> = {
  name: 'operations',
  columns: { bucket: 'timestamptz', what: 'text', cause: 'text', slot: 'smallint', times: 'bigint' },
  // A period is a range of this index.
  key: ['bucket', 'what', 'cause', 'slot'],
};

function evolve(before: Run | undefined, event: OrderEvent): Run | undefined {
  const at = event.occurredAt;
  if (event.type === 'OrderCreated') return accepted(event.aggregateId, at);
  if (!before) return undefined;
  const run = { ...before, version: event.aggregateVersion };
  const waits = ended(run.waits, at);
  if (event.type === 'OrderCompleted') return { ...run, completedAt: at };
  if (event.type === 'ShipmentDelivered') return { ...run, deliveredAt: at, waits };
  if (event.type === 'OrderCancelled') return { ...run, cancelledAt: at, cause: event.data.reason, waits };
  if (event.type === 'OrderRefunded') return { ...run, refundedAt: at, cause: event.data.reason, waits };
  const { stuckCause } = changeBy(event);
  if (stuckCause === undefined) return before;
  return {
    ...run,
    waits: stuckCause === null ? waits : [...waits, { cause: stuckCause, since: at, until: null }],
  };
}

const accepted = (orderId: string, acceptedAt: string): Run => ({
  orderId,
  version: 1,
  acceptedAt,
  completedAt: null,
  cancelledAt: null,
  deliveredAt: null,
  refundedAt: null,
  cause: null,
  waits: [],
});

const ended = (waits: readonly Wait[], until: string): readonly Wait[] =>
  waits.map((wait) => (wait.until === null ? { ...wait, until } : wait));

function countsFor(run: Run): OperationsRow[] {
  const { acceptedAt, completedAt, cancelledAt, deliveredAt, refundedAt, cause } = run;
  const why = cause ?? '';
  return [
    counted(acceptedAt, 'accepted'),
    ...(completedAt === null ? [] : [counted(completedAt, 'completed', '', acceptedAt)]),
    ...(cancelledAt === null ? [] : [counted(cancelledAt, 'cancelled', why)]),
    ...(deliveredAt === null ? [] : [counted(deliveredAt, 'delivered')]),
    ...(refundedAt === null ? [] : [counted(refundedAt, 'refunded', why)]),
    ...run.waits.flatMap((wait) => [
      counted(wait.since, 'stuck', wait.cause),
      ...(wait.until === null ? [] : [counted(wait.until, 'resolved', wait.cause, wait.since)]),
    ]),
  ];
}

const counted = (at: string, what: Happening, cause = '', since?: string): OperationsRow => ({
  bucket: bucketOf(15, at),
  what,
  cause,
  slot: since === undefined ? 0 : slotOf(Date.parse(at) - Date.parse(since)),
  times: 1,
});

/** How sagas fare: begun, ended, cancelled for what cause, stuck for how long, by quarter of an hour. */
export const operations = projection<Run, OrderEvent>({
  name: 'operations',
  version: 1,
  aggregates: ['order'],
  state: runs,
  versionIn: ({ version }) => version,
  evolve,
  figures: [figures({ table: operationsTable, of: countsFor })],
});
