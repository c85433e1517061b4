import type { Knex } from '../../db/connection.ts';
import { isBusinessRefusal } from '../../domain/errors.ts';
import { percentile, type SlotCount } from '../durations.ts';
import type { Happening } from '../operations.ts';

/** Everything that happened at or after `from` and before `to`; both on quarters of an hour. */
interface OperationsPeriod {
  readonly from: Date;
  readonly to: Date;
  readonly by: 'quarter' | 'day';
}

/** In whole ms, off by less than a tenth; null when nothing was timed. */
interface Timing {
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

interface OperationsFigures {
  readonly orderSagas: {
    readonly started: number;
    readonly completed: number;
    readonly cancelled: number;
    /** Share, of those that ended, of what was cancelled by a fault; null when none ended. */
    readonly errorRate: number | null;
  };
  readonly shipmentSagas: { readonly started: number; readonly delivered: number; readonly refunded: number };
  /** Why orders were cancelled or refunded, how often. */
  readonly causes: { readonly cause: string; readonly cancelled: number; readonly refunded: number }[];
  /** From acceptance to completion. */
  readonly completion: Timing;
  /** Sagas that were stuck, by cause: how often, how often an operator or an end resolved it, and after how long. */
  readonly stuck: ({
    readonly cause: string;
    readonly stuck: number;
    readonly resolved: number;
  } & Timing)[];
}

export interface OperationsReport {
  readonly total: OperationsFigures;
  /** Without quarters, or days, in which nothing happened. */
  readonly items: ({ /** ISO 8601, UTC. */ readonly from: string } & OperationsFigures)[];
}

interface Count extends SlotCount {
  readonly start: Date;
  readonly what: Happening;
  readonly cause: string;
}

// A range of the primary key.
const counts = `
  select date_bin(cast(:width as interval), bucket, timestamptz '2000-01-01 00:00Z') as start, what, cause, slot,
    cast(sum(times) as float8) as times
  from read.operations
  where bucket >= :from and bucket < :to
  group by 1, 2, 3, 4
  having sum(times) > 0
  order by 1`;

export async function operationsFigures(
  db: Knex,
  { from, to, by }: OperationsPeriod,
): Promise<OperationsReport> {
  const width = by === 'day' ? '1 day' : '15 minutes';
  const { rows } = await db.raw<{ rows: Count[] }>(counts, { width, from, to });
  const groups = new Map<string, Count[]>();
  for (const row of rows) {
    const start = row.start.toISOString();
    groups.set(start, [...(groups.get(start) ?? []), row]);
  }
  return {
    total: figuresOf(rows),
    items: [...groups].map(([start, group]) => ({ from: start, ...figuresOf(group) })),
  };
}

function figuresOf(all: readonly Count[]): OperationsFigures {
  const of = (what: Happening, cause?: string): Count[] =>
    all.filter((each) => each.what === what && (cause === undefined || each.cause === cause));
  const number = (what: Happening, cause?: string): number => sum(of(what, cause));
  const [completed, cancelled] = [number('completed'), number('cancelled')];
  const failed = sum(of('cancelled').filter(({ cause }) => isFault(cause)));
  return {
    orderSagas: {
      started: number('accepted'),
      completed,
      cancelled,
      errorRate: completed + cancelled === 0 ? null : failed / (completed + cancelled),
    },
    shipmentSagas: { started: completed, delivered: number('delivered'), refunded: number('refunded') },
    causes: causesIn([...of('cancelled'), ...of('refunded')]).map((cause) => ({
      cause,
      cancelled: number('cancelled', cause),
      refunded: number('refunded', cause),
    })),
    completion: timingOf(of('completed')),
    stuck: causesIn([...of('stuck'), ...of('resolved')]).map((cause) => ({
      cause,
      stuck: number('stuck', cause),
      resolved: number('resolved', cause),
      ...timingOf(of('resolved', cause)),
    })),
  };
}

/** What somebody asked for, or a rule refused, is no fault. */
const isFault = (cause: string): boolean => cause !== 'CANCEL_REQUESTED' && !isBusinessRefusal(cause);

const sum = (some: readonly Count[]): number => some.reduce((total, { times }) => total + times, 0);

const causesIn = (some: readonly Count[]): string[] => [...new Set(some.map(({ cause }) => cause))].sort();

const timingOf = (some: readonly Count[]): Timing => ({
  p50Ms: percentile(some, 0.5),
  p95Ms: percentile(some, 0.95),
  p99Ms: percentile(some, 0.99),
});
