import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleWorkflowCode, Runtime } from '@temporalio/worker';
import { migrate } from '../db/migrate.ts';
import { installProjections } from '../projections/kit/install.ts';
import { projections } from '../projections/projections.ts';
import { SEARCH_ATTRIBUTES } from '../domain/topology.ts';
import { freePort } from '../dev/servers/free-port.ts';
import { dataConverter } from '../platform/temporal-data.ts';
import type { Progress } from '../dev/servers/progress.ts';
import { prepareNamespace } from '../dev/servers/temporal-namespace.ts';
import { startTemporalOnPostgres } from '../dev/servers/temporal-on-postgres.ts';
import { eventually } from '../test/support/eventually.ts';
import { listProducts } from '../test/support/products.ts';
import type { Closers } from './closers.ts';
import type { ProcessIds } from './measure/cpu.ts';
import { benchProducts } from './saga/orders.ts';
import { pidsOf, serverOptions, startStores } from './stores.ts';

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
  const stores = await startStores(progress, closers);
  const { dir, natsUrl, postgresUrl } = stores;
  progress('starting Temporal');
  const temporal = await startTemporalOnPostgres({
    ...serverOptions({ dir, progress, closers }, 'temporal', await freePort()),
    databaseUrl: postgresUrl,
  });
  const bundles = new Map<string, Promise<string>>();

  return {
    dir,
    temporalAddress: temporal.address,
    natsUrl,
    bundle: (workflows) => {
      const bundle = bundles.get(workflows) ?? writeBundle(workflows, join(dir, `bundle-${bundles.size}.js`));
      bundles.set(workflows, bundle);
      return bundle;
    },
    processes: { ...stores.processes, ...pidsOf({ Temporal: temporal }) },
    createDatabase: (name) =>
      stores.createDatabase(name, async (db) => {
        await migrate({ write: db, read: db });
        await installProjections(db, projections);
        await listProducts(db, benchProducts);
      }),
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
    ...dataConverter,
  });
  await writeFile(file, code);
  return file;
}
