import { join } from 'node:path';
import { allOrNone } from './all-or-none.ts';
import type { StackConfig } from './dev-config.ts';
import type { Child } from './servers/child.ts';
import { startNats } from './servers/nats.ts';
import { startPostgres } from './servers/postgres.ts';
import { stopLeftover } from './servers/process-identity.ts';
import type { Progress } from './servers/progress.ts';
import { pidFileOf, type RunningServer, type ServerOptions } from './servers/start-server.ts';
import { startTemporal } from './servers/temporal.ts';

/** Where the three servers answer. */
export interface ServerAddresses {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly temporalAddress: string;
  /** Absent when the Temporal server is given without the address of its Web UI. */
  readonly temporalUiUrl: string | undefined;
}

interface StartOptions {
  readonly config: StackConfig;
  readonly dataDir: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly onLaunch: (child: Child) => void;
  /** Told about each server once it is ready. */
  readonly onReady: (name: string, server: RunningServer) => void;
}

const DATABASE = 'durable_orders';

/** Folders below the data folder that belong to embedded servers, with the settings that replace these. */
export const embeddedServers = [
  { folder: 'postgres', name: 'PostgreSQL', given: 'DATABASE_URL', signal: 'SIGINT' },
  { folder: 'nats', name: 'nats-server', given: 'NATS_URL', signal: 'SIGTERM' },
  { folder: 'temporal', name: 'Temporal', given: 'TEMPORAL_ADDRESS', signal: 'SIGTERM' },
] as const;

/** Starts those servers, at the same time, whose addresses are not given. @throws StartError of the first to fail. */
export async function startServers(options: StartOptions): Promise<ServerAddresses> {
  const { config, dataDir, progress, onLaunch } = options;
  const ready = <T extends RunningServer>(name: string, server: T): T => {
    options.onReady(name, server);
    progress(`${name} is ready`);
    return server;
  };
  const at = (folder: string, port: number, signal: AbortSignal): ServerOptions => ({
    ...{ progress, signal, onLaunch, port },
    dir: join(dataDir, folder),
  });

  const starts: ((signal: AbortSignal) => Promise<Partial<ServerAddresses>>)[] = [];
  if (config.DATABASE_URL === undefined)
    starts.push(async (signal) => {
      const place = at('postgres', config.POSTGRES_PORT, signal);
      return { databaseUrl: ready('PostgreSQL', await startPostgres({ ...place, database: DATABASE })).url };
    });
  if (config.NATS_URL === undefined)
    starts.push(async (signal) => {
      const place = at('nats', config.NATS_PORT, signal);
      return { natsUrl: ready('nats-server', await startNats(place)).url };
    });
  if (config.TEMPORAL_ADDRESS === undefined)
    starts.push(async (signal) => {
      const place = at('temporal', config.TEMPORAL_PORT, signal);
      const wanted = { uiPort: config.TEMPORAL_UI_PORT, namespace: config.TEMPORAL_NAMESPACE };
      const server = ready('Temporal', await startTemporal({ ...place, ...wanted }));
      return { temporalAddress: server.address, temporalUiUrl: server.uiUrl };
    });
  let started: Partial<ServerAddresses> = {};
  for (const addresses of await allOrNone(starts, options.signal)) started = { ...started, ...addresses };
  return {
    databaseUrl: config.DATABASE_URL ?? known(started.databaseUrl),
    natsUrl: config.NATS_URL ?? known(started.natsUrl),
    temporalAddress: config.TEMPORAL_ADDRESS ?? known(started.temporalAddress),
    temporalUiUrl: config.TEMPORAL_UI_URL ?? started.temporalUiUrl,
  };
}

function known(address: string | undefined): string {
  if (address === undefined) throw new Error('a server is neither given nor started');
  return address;
}

/** Ends servers that a killed run of this stack left behind, so that they hold neither ports nor data. */
export async function stopLeftoverServers(dataDir: string, progress: Progress): Promise<void> {
  await Promise.all(
    embeddedServers.map(({ folder, name, signal }) =>
      stopLeftover(pidFileOf(join(dataDir, folder)), name, signal, progress),
    ),
  );
}
