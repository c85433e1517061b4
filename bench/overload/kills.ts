import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../../db/connection.ts';
import type { BenchServers } from '../bench-servers.ts';
import { acceptOrders } from '../saga/orders.ts';
import { killed } from '../scenarios/overload.ts';
import { prepareWorkers } from './workers.ts';

/** An order that was open when a worker was killed. */
export interface Interrupted {
  readonly status: string;
  /** From the kill to the order's next event; undefined when time ran out before. */
  readonly seconds: number | undefined;
}

interface Open {
  readonly id: string;
  readonly version: number;
  readonly status: string;
}

const ENDED = ['DELIVERED', 'CANCELLED', 'REFUNDED'];
const POLL_MS = 100;
/** Slow steps, so that a killed worker always leaves some unfinished. */
const SLOW_STEPS = { INVENTORY_LATENCY_MS: '100', PAYMENT_LATENCY_MS: '200', CARRIER_LATENCY_MS: '200' };

/** Kills one of two workers under a steady load, again and again. @returns all orders that were open then */
export async function killWorkers(servers: BenchServers, name: string): Promise<Interrupted[]> {
  const workers = await prepareWorkers(servers, name, SLOW_STEPS);
  const { db, processes } = workers;
  const stopping = new AbortController();
  const load = (async () => {
    while (!stopping.signal.aborted) {
      await acceptOrders(db, 1);
      await pause(killed.orderEveryMs);
    }
  })();
  try {
    await processes.start('worker');
    await processes.start('other');
    const interrupted: Interrupted[] = [];
    for (let time = 0; time < killed.times; time++) {
      await pause(killed.loadBeforeMs);
      const victim = time % 2 === 0 ? 'worker' : 'other';
      await processes.kill(victim);
      const open = await db<Open>('orders.orders')
        .whereNotIn('status', ENDED)
        .select('id', 'version', 'status');
      interrupted.push(...(await untilAdvanced(db, open)));
      await processes.start(victim);
    }
    return interrupted;
  } finally {
    stopping.abort();
    await load;
    await workers.close();
  }
}

async function untilAdvanced(db: Knex, open: readonly Open[]): Promise<Interrupted[]> {
  const killedAt = performance.now();
  const waiting = new Map(open.map((order) => [order.id, order]));
  const advanced: Interrupted[] = [];
  for (;;) {
    const seconds = (performance.now() - killedAt) / 1_000;
    const rows = await db<Open>('orders.orders')
      .whereIn('id', [...waiting.keys()])
      .select('id', 'version');
    for (const { id, version } of rows) {
      const order = waiting.get(id);
      if (!order || version === order.version) continue;
      advanced.push({ status: order.status, seconds });
      waiting.delete(id);
    }
    if (waiting.size === 0) return advanced;
    if (seconds * 1_000 > killed.withinMs)
      return [...advanced, ...[...waiting.values()].map(({ status }) => ({ status, seconds: undefined }))];
    await pause(POLL_MS);
  }
}
