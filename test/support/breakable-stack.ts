import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeOpenFolder } from '../../dev/servers/cache.ts';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startPostgres } from '../../dev/servers/postgres.ts';
import type { RunningServer, ServerOptions } from '../../dev/servers/start-server.ts';
import { startTemporal } from '../../dev/servers/temporal.ts';
import { connect, type Knex } from '../../db/connection.ts';
import { migrate } from '../../db/migrate.ts';
import { installProjections } from '../../projections/kit/install.ts';
import { projections } from '../../projections/projections.ts';
import { createTopology } from '../../domain/topology.ts';
import { createProcesses, entryPoints, type Processes } from './processes.ts';
import { progress, testDataDir } from './servers.ts';

export type ServerName = 'postgres' | 'nats' | 'temporal';
const entries = { ...entryPoints, 'second-worker': entryPoints.worker } as const;
export type BreakableProcess = keyof typeof entries;

/** A whole stack whose servers can be broken, too: each comes back on the same port with the same data. */
export interface BreakableStack {
  readonly processes: Processes<BreakableProcess>;
  readonly db: Knex;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly temporalAddress: string;
  readonly streamName: string;
  /** SIGKILL. */
  killServer(name: ServerName): Promise<void>;
  startServer(name: ServerName): Promise<void>;
  /** Ends it in good order. */
  stopServer(name: ServerName): Promise<void>;
  /** Its data, log and configuration. */
  dirOf(name: ServerName): string;
  /** PostgreSQL's immediate shutdown: no checkpoint, sessions are cut, the log is replayed at the next start. */
  shutDownPostgres(): Promise<void>;
  /** Deletes what JetStream has stored; while nats-server is down. */
  deleteStreamFiles(): Promise<void>;
  close(): Promise<void>;
}

interface BreakableOptions {
  /** What all processes share. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder of a build to run. Absent: the sources. */
  readonly built?: string | undefined;
}

export async function startBreakableStack({ env, built }: BreakableOptions): Promise<BreakableStack> {
  const dir = join(await testDataDir(), `stack-${randomBytes(4).toString('hex')}`);
  await makeOpenFolder(dir);
  const placeOf = async (folder: string): Promise<ServerOptions> => ({
    dir: join(dir, folder),
    port: await freePort(),
    progress,
  });
  const places = {
    postgres: await placeOf('postgres'),
    nats: await placeOf('nats'),
    temporal: await placeOf('temporal'),
  };
  const starts: Record<ServerName, () => Promise<RunningServer>> = {
    postgres: () => startPostgres({ ...places.postgres, database: 'orders' }),
    nats: () => startNats(places.nats),
    temporal: () => startTemporal(places.temporal),
  };
  const servers = new Map<ServerName, RunningServer>();
  const startServer = async (name: ServerName): Promise<void> => {
    servers.set(name, await starts[name]());
  };
  await Promise.all((Object.keys(starts) as ServerName[]).map(startServer));

  const databaseUrl = `postgres://postgres:postgres@127.0.0.1:${places.postgres.port}/orders`;
  const temporalAddress = `127.0.0.1:${places.temporal.port}`;
  const natsUrl = `nats://127.0.0.1:${places.nats.port}`;
  const db = connect({ url: databaseUrl, poolSize: 5, applicationName: 'fault-test' });
  await migrate({ write: db, read: db });
  await installProjections(db, projections);
  const processes = await createProcesses(entries, {
    built,
    logDir: join(dir, 'logs'),
    env: {
      DATABASE_URL: databaseUrl,
      NATS_URL: natsUrl,
      TEMPORAL_ADDRESS: temporalAddress,
      AUTH_DEMO: 'true',
      ...env,
    },
  });
  return {
    processes,
    db,
    databaseUrl,
    natsUrl,
    temporalAddress,
    streamName: createTopology().stream,
    startServer,
    killServer: async (name) => {
      servers.get(name)?.kill();
      await servers.get(name)?.exited;
    },
    stopServer: async (name) => {
      await servers.get(name)?.stop();
    },
    dirOf: (name) => places[name].dir,
    shutDownPostgres: async () => {
      const server = servers.get('postgres');
      if (server) process.kill(server.pid, 'SIGQUIT');
      await server?.exited;
    },
    deleteStreamFiles: () => rm(join(places.nats.dir, 'jetstream'), { recursive: true }),
    close: async () => {
      await processes.stopAll();
      await db.destroy();
      await Promise.all([...servers.values()].map((server) => server.stop()));
    },
  };
}
