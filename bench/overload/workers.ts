import { join } from 'node:path';
import { connect, type Knex } from '../../db/connection.ts';
import { createProcesses, entryPoints, type Processes } from '../../test/support/processes.ts';
import type { BenchServers } from '../bench-servers.ts';

export interface Workers {
  readonly db: Knex;
  readonly processes: Processes<'worker' | 'other'>;
  close(): Promise<void>;
}

/** Workers without the other processes, on a database and namespace of their own; none is started yet. */
export async function prepareWorkers(
  servers: BenchServers,
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<Workers> {
  await servers.createNamespace(name);
  const databaseUrl = await servers.createDatabase(name);
  const db = connect({ url: databaseUrl, poolSize: 4, applicationName: 'bench' });
  const processes = await createProcesses(
    { worker: entryPoints.worker, other: entryPoints.worker },
    {
      logDir: join(servers.dir, name),
      env: {
        DATABASE_URL: databaseUrl,
        NATS_URL: servers.natsUrl,
        TEMPORAL_ADDRESS: servers.temporalAddress,
        TEMPORAL_NAMESPACE: name,
        STREAM_PREFIX: `${name}-`,
        WORKFLOW_BUNDLE: await servers.bundle('workflows/index.ts'),
        INVENTORY_FAILURE_RATE: '0.2',
        CARRIER_DISPATCH_MS: '500',
        CARRIER_DELIVERY_MS: '500',
        ...env,
      },
    },
  );
  return {
    db,
    processes,
    close: async () => {
      await processes.kill('worker');
      await processes.kill('other');
      await db.destroy();
    },
  };
}
