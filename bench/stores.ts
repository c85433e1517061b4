import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type Knex } from '../db/connection.ts';
import { temporaryDataDir } from '../dev/servers/cache.ts';
import type { Child } from '../dev/servers/child.ts';
import { freePort } from '../dev/servers/free-port.ts';
import { startNats } from '../dev/servers/nats.ts';
import { startPostgres } from '../dev/servers/postgres.ts';
import type { Progress } from '../dev/servers/progress.ts';
import type { RunningServer, ServerOptions } from '../dev/servers/start-server.ts';
import type { Closers } from './closers.ts';
import type { ProcessIds } from './measure/cpu.ts';

export interface Stores {
  /** Ours to write in; removed at the end. */
  readonly dir: string;
  readonly postgresUrl: string;
  readonly natsUrl: string;
  readonly natsMonitorUrl: string;
  readonly processes: ProcessIds;
  /** @returns the new database's address. */
  createDatabase(name: string, prepare: (db: Knex) => Promise<unknown>): Promise<string>;
}

/** Of a server in a folder of its own, which is ended at once when it is interrupted while it starts. */
export const serverOptions = (
  { dir, progress, closers }: { dir: string; progress: Progress; closers: Closers },
  folder: string,
  port: number,
): ServerOptions => ({
  dir: join(dir, folder),
  port,
  progress,
  onLaunch: (child: Child) => {
    closers.add(folder, () => child.stop(folder === 'postgres' ? 'SIGINT' : 'SIGTERM', 5_000));
  },
});

/** PostgreSQL and nats-server, which write through to the disk. */
export async function startStores(progress: Progress, closers: Closers): Promise<Stores> {
  const dir = await temporaryDataDir(progress);
  closers.add('the data folder', () => rm(dir, { recursive: true, force: true }));
  const [postgresPort, natsPort, monitorPort] = [await freePort(), await freePort(), await freePort()];
  const here = { dir, progress, closers };
  progress('starting PostgreSQL and nats-server');
  const [postgres, nats] = await Promise.all([
    startPostgres({ ...serverOptions(here, 'postgres', postgresPort), durability: 'full' }),
    startNats({ ...serverOptions(here, 'nats', natsPort), monitorPort }),
  ]);
  return {
    dir,
    postgresUrl: postgres.url,
    natsUrl: nats.url,
    natsMonitorUrl: `http://127.0.0.1:${monitorPort}`,
    processes: pidsOf({ PostgreSQL: postgres, 'nats-server': nats }),
    createDatabase: async (name, prepare) => {
      await withDatabase(postgres.url, (db) => db.raw('create database ??', [name]));
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      await withDatabase(url.href, prepare);
      return url.href;
    },
  };
}

export const pidsOf = (servers: Record<string, RunningServer>): ProcessIds =>
  Object.fromEntries(Object.entries(servers).map(([name, { pid }]) => [name, pid]));

async function withDatabase(url: string, use: (db: Knex) => Promise<unknown>): Promise<void> {
  const db = connect({ url, poolSize: 2, applicationName: 'bench' });
  try {
    await use(db);
  } finally {
    await db.destroy();
  }
}
