import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode, Runtime } from '@temporalio/worker';
import { connect, type Knex } from '../db/connection.ts';
import { migrate } from '../db/migrate.ts';
import { SEARCH_ATTRIBUTES } from '../domain/topology.ts';
import { temporaryDataDir } from '../dev/servers/cache.ts';
import type { Child } from '../dev/servers/child.ts';
import { freePorts } from '../dev/servers/free-port.ts';
import { startNats } from '../dev/servers/nats.ts';
import { startPostgres } from '../dev/servers/postgres.ts';
import type { Progress } from '../dev/servers/progress.ts';
import type { RunningServer, ServerOptions } from '../dev/servers/start-server.ts';
import { prepareNamespace } from '../dev/servers/temporal-namespace.ts';
import { startTemporalOnPostgres } from '../dev/servers/temporal-on-postgres.ts';
import { eventually } from '../test/support/eventually.ts';
import { listProducts } from '../test/support/products.ts';
import type { Closers } from './closers.ts';
import type { ProcessIds } from './measure/cpu.ts';
import { benchProducts } from './saga/orders.ts';

export interface BenchServers {
  /** Ours to write in; removed at the end. */
  readonly dir: string;
  readonly temporalAddress: string;
  readonly natsUrl: string;
  /** Bundles the workflows of a module, once for all who ask. @returns the bundle's file */
  bundle(workflows: string): Promise<string>;
  readonly processes: ProcessIds;
  /** A database with our tables and enough of every product. */
  createDatabase(name: string): Promise<string>;
  /** A namespace with the sagas' search attributes. */
  createNamespace(name: string): Promise<void>;
}

/** PostgreSQL and nats-server that write through to the disk, and Temporal with its data in that PostgreSQL. */
export async function startBenchServers(progress: Progress, closers: Closers): Promise<BenchServers> {
  const dir = await temporaryDataDir(progress);
  closers.add('the data folder', () => rm(dir, { recursive: true, force: true }));
  const ports = await freePorts(3);
  const at = (folder: string, index: number): ServerOptions => ({
    dir: join(dir, folder),
    port: ports[index] ?? 0,
    progress,
    // At once, so that an interrupt while it starts also ends it.
    onLaunch: (child: Child) => {
      closers.add(folder, () => child.stop(folder === 'postgres' ? 'SIGINT' : 'SIGTERM', 5_000));
    },
  });
  progress('starting PostgreSQL, nats-server, Temporal');
  const postgres = await startPostgres({ ...at('postgres', 0), durability: 'full' });
  const [nats, temporal] = await Promise.all([
    startNats(at('nats', 1)),
    startTemporalOnPostgres({ ...at('temporal', 2), databaseUrl: postgres.url, avoidPorts: ports }),
  ]);
  const bundles = new Map<string, Promise<string>>();
  const pidsOf = (servers: Record<string, RunningServer>): ProcessIds =>
    Object.fromEntries(Object.entries(servers).map(([name, { pid }]) => [name, pid]));

  return {
    dir,
    temporalAddress: temporal.address,
    natsUrl: nats.url,
    bundle: (workflows) => {
      const bundle = bundles.get(workflows) ?? writeBundle(workflows, join(dir, `bundle-${bundles.size}.js`));
      bundles.set(workflows, bundle);
      return bundle;
    },
    processes: pidsOf({ PostgreSQL: postgres, 'nats-server': nats, Temporal: temporal }),
    createDatabase: async (name) => {
      await withDatabase(postgres.url, (db) => db.raw('create database ??', [name]));
      const url = new URL(postgres.url);
      url.pathname = `/${name}`;
      await withDatabase(url.href, async (db) => {
        await migrate({ write: db, read: db });
        await listProducts(db, benchProducts);
      });
      return url.href;
    },
    createNamespace: async (name) => {
      const searchAttributes = Object.fromEntries(
        Object.values(SEARCH_ATTRIBUTES).map((attribute) => [attribute, 'Keyword' as const]),
      );
      await eventually(
        async () => {
          await prepareNamespace(temporal.address, { name, retentionDays: 1, searchAttributes });
          return true;
        },
        { what: `namespace ${name} can be used`, withinMs: 60_000 },
      );
    },
  };
}

async function writeBundle(workflows: string, file: string): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, '..', workflows),
    logger: Runtime.instance().logger,
  });
  await writeFile(file, code);
  return file;
}

async function withDatabase(url: string, use: (db: Knex) => Promise<unknown>): Promise<void> {
  const db = connect({ url, poolSize: 2, applicationName: 'bench' });
  try {
    await use(db);
  } finally {
    await db.destroy();
  }
}
