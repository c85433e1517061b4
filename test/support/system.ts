import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { prepareNamespace } from '../../dev/servers/temporal-namespace.ts';
import type { Knex } from '../../db/connection.ts';
import { createTopology, type Topology } from '../../domain/topology.ts';
import { createTestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { createProcesses, entryPoints, type Processes, type ProcessName } from './processes.ts';
import { createTestRoles } from './roles.ts';
import { natsUrl, temporalAddress, testDataDir } from './servers.ts';

/**
 * The four processes from their production entry points, with a database, stream and namespace of their own, each as
 * a PostgreSQL user of its own.
 */
export interface System extends Omit<Processes<ProcessName | 'second-worker'>, 'stopAll'> {
  readonly db: Knex;
  readonly topology: Topology;
  readonly namespace: string;
  /** Settings with which a tool gets at everything, as the owner of the database. */
  readonly ownerEnv: Readonly<
    Record<'DATABASE_URL' | 'NATS_URL' | 'STREAM_PREFIX' | 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE', string>
  >;
  /** Ends everything and drops the database. */
  close(): Promise<void>;
}

interface SystemOptions {
  /** Settings over the defaults, for all processes. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: all four. */
  readonly processes?: readonly ProcessName[];
}

export async function startSystem({
  env = {},
  processes: wanted = Object.keys(entryPoints) as ProcessName[],
}: SystemOptions = {}): Promise<System> {
  const id = `test-${randomBytes(4).toString('hex')}`;
  const database = await createTestDatabase();
  const roles = await createTestRoles(database);
  const address = await temporalAddress();
  await createNamespace(address, id);
  const prefix = `${id}-`;
  const entries = { ...entryPoints, 'second-worker': entryPoints.worker };
  const processes = await createProcesses(entries, {
    logDir: join(await testDataDir(), 'logs', id),
    env: {
      NATS_URL: await natsUrl(),
      TEMPORAL_ADDRESS: address,
      TEMPORAL_NAMESPACE: id,
      STREAM_PREFIX: prefix,
      FAULT_DIALS: 'true',
      AUTH_DEMO: 'true',
      // Parcels stay where they are unless a test wants to see them move.
      CARRIER_DISPATCH_MS: '3600000',
      ...env,
    },
  });
  const start: System['start'] = (name, options = {}) =>
    processes.start(name, {
      ...options,
      env: { DATABASE_URL: roles.urlFor(roleOf[name]), ...env, ...options.env },
    });
  const close = async (): Promise<void> => {
    await processes.stopAll();
    await roles.drop();
    await database.drop();
  };
  try {
    await Promise.all(wanted.map((name) => start(name)));
  } catch (error) {
    await close();
    throw error;
  }
  const ownerEnv = {
    DATABASE_URL: database.url,
    NATS_URL: await natsUrl(),
    STREAM_PREFIX: prefix,
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: id,
  };
  const topology = createTopology(prefix);
  return { ...processes, start, db: database.db, topology, namespace: id, ownerEnv, close };
}

const roleOf = {
  'command-api': 'commandApi',
  'query-api': 'queryApi',
  worker: 'worker',
  'second-worker': 'worker',
  projector: 'projector',
} as const;

/** Resolves when the server uses it, which is some seconds after it was told. */
const createNamespace = (address: string, name: string): Promise<boolean> =>
  eventually(
    async () => {
      await prepareNamespace(address, { name, retentionDays: 1, searchAttributes: {} });
      return true;
    },
    { what: `namespace ${name} can be used` },
  );
