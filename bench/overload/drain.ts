import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../../db/connection.ts';
import { throttle } from '../../test/support/throttle.ts';
import type { BenchServers } from '../bench-servers.ts';
import { acceptOrders } from '../saga/orders.ts';
import { throttled } from '../scenarios/overload.ts';
import { prepareWorkers } from './workers.ts';

export interface Drained {
  /** From the worker's start until every order had ended; undefined when time ran out before. */
  readonly seconds: number | undefined;
  /** Orders that had ended, at even distances in the time that there was. */
  readonly ended: readonly number[];
  /** Results of tasks that came after their timeout and were thrown away. */
  readonly thrownAway: number;
}

const POLL_MS = 500;
const THROWN_AWAY = 'Task not found when completing';

/** Lets one throttled worker carry orders that were accepted before to their end. */
export async function drain(
  servers: BenchServers,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Drained> {
  const workers = await prepareWorkers(servers, name, env);
  const { db, processes } = workers;
  try {
    await acceptOrders(db, throttled.orders);
    await processes.start('worker', { until: 'alive' });
    const release = throttle(processes.pidOf('worker') ?? Number.NaN, throttled.share);
    try {
      const drained = await untilDrained(db);
      const log = await processes.logOf('worker');
      return { ...drained, thrownAway: log.filter(({ msg }) => msg === THROWN_AWAY).length };
    } finally {
      release();
    }
  } finally {
    await workers.close();
  }
}

async function untilDrained(db: Knex): Promise<Omit<Drained, 'thrownAway'>> {
  const { orders, withinMs, samples } = throttled;
  const startedAt = performance.now();
  const ended: number[] = [];
  for (;;) {
    const elapsedMs = performance.now() - startedAt;
    const row = await db('orders.orders')
      .whereIn('status', ['DELIVERED', 'CANCELLED', 'REFUNDED'])
      .count({ ended: '*' })
      .first();
    const now = Number(row?.ended);
    if (elapsedMs >= ((ended.length + 1) * withinMs) / samples) ended.push(now);
    if (now >= orders) return { ended: [...ended, now], seconds: elapsedMs / 1_000 };
    if (ended.length === samples) return { ended, seconds: undefined };
    await pause(POLL_MS);
  }
}
