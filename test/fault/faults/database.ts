import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { BreakableProcess } from '../../support/breakable-stack.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fire } from '../fire.ts';
import type { Fault } from './fault.ts';

/** Shuts PostgreSQL down without a checkpoint, for a moment. */
export const postgresRestarts: Fault = {
  name: 'immediate shutdown of PostgreSQL',
  run: async ({ stack }, delayMs) => {
    await stack.shutDownPostgres();
    await pause(delayMs);
    await stack.startServer('postgres');
  },
};

/** Keeps every reader and writer out of these tables, as a migration does that takes too long. */
export const lockedTables = (ms: number): Fault => ({
  name: `the tables of stock and orders are locked for ${ms / 1_000} s, and processes say that they are not ready`,
  run: async (fire) => {
    await withClient(fire, async (client) => {
      await client.query('begin');
      await client.query('lock table inventory.stock, orders.orders in access exclusive mode');
      const until = Date.now() + ms;
      for (const name of ['worker', 'command-api'] as const)
        assert.equal(
          await readinessOf(fire, name),
          503,
          `the ${name} says ready while its tables are locked`,
        );
      await pause(Math.max(0, until - Date.now()));
      await client.query('rollback');
    });
    for (const name of ['worker', 'command-api'] as const)
      await eventually(async () => (await readinessOf(fire, name)) === 200 || undefined, {
        what: `the ${name} is ready again`,
      });
  },
});

/** Cuts all connections again and again. */
export const flappingConnections: Fault = {
  name: 'all connections to PostgreSQL are cut every 200 ms for 10 s',
  run: async (fire) => {
    await withClient(fire, async (client) => {
      for (const until = Date.now() + 10_000; Date.now() < until;) {
        await client.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid()`,
        );
        await pause(200);
      }
    });
  },
};

const readinessOf = async ({ stack }: Fire, name: BreakableProcess): Promise<number> =>
  (await fetch(`${stack.processes.urls[name]}/readyz`)).status;

/** With a connection without the time limits of the application's. */
async function withClient({ stack }: Fire, act: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  try {
    await act(client);
  } finally {
    await client.end();
  }
}
