import { join } from 'node:path';
import { allOrNone } from './all-or-none.ts';
import type { StackConfig } from './dev-config.ts';
import type { Child } from './servers/child.ts';
import { startNats } from './servers/nats.ts';
import { startPostgres } from './servers/postgres.ts';
import { stopLeftover } from './servers/process-identity.ts';
import type { Progress } from './servers/progress.ts';
import { pidFileOf, type RunningServer, type ServerOptions } from './servers/start-server.ts';
import { startDevTemporal, startTemporalOn, UI_FOLDER } from './stack-temporal.ts';
import type { TemporalKind } from './start-arguments.ts';

/** Where the three servers answer. */
export interface ServerAddresses {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly temporalAddress: string;
  /** Absent when the Temporal server is given without the address of its Web UI, or that could not be started. */
  readonly temporalUiUrl: string | undefined;
}

interface StartOptions {
  readonly config: StackConfig;
  readonly temporal: TemporalKind;
  readonly dataDir: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly onLaunch: (child: Child) => void;
  /** Told about each server once it is ready, with whether it needs PostgreSQL to the end. */
  readonly onReady: (name: string, server: RunningServer, onPostgres: boolean) => void;
}

const DATABASE = 'durable_orders';

/** Folders below the data folder that belong to embedded servers, with the settings that replace these. */
export const embeddedServers = [
  { folder: 'postgres', name: 'PostgreSQL', given: 'DATABASE_URL', signal: 'SIGINT' },
  { folder: 'nats', name: 'nats-server', given: 'NATS_URL', signal: 'SIGTERM' },
  { folder: 'temporal', name: 'Temporal', given: 'TEMPORAL_ADDRESS', signal: 'SIGTERM' },
] as const;

/**
 * Starts those servers whose addresses are not given; at the same time, except that a Temporal which has its data in
 * PostgreSQL waits for that. @throws StartError of the first to fail.
 */
export async function startServers(options: StartOptions): Promise<ServerAddresses> {
  const { config, dataDir, progress, onLaunch } = options;
  const temporal = config.TEMPORAL_ADDRESS === undefined ? options.temporal : 'given';
  const tell =
    (onPostgres: boolean) =>
    <T extends RunningServer>(name: string, server: T): T => {
      options.onReady(name, server, onPostgres);
      progress(`${name} is ready`);
      return server;
    };
  const ready = tell(false);
  const at = (folder: string, port: number, signal: AbortSignal): ServerOptions => ({
    ...{ progress, signal, onLaunch, port },
    dir: join(dataDir, folder),
  });

  const starts: ((signal: AbortSignal) => Promise<Partial<ServerAddresses>>)[] = [];
  if (config.DATABASE_URL === undefined || temporal === 'postgres')
    starts.push(async (signal) => {
      const place = at('postgres', config.POSTGRES_PORT, signal);
      const databaseUrl =
        config.DATABASE_URL ?? ready('PostgreSQL', await startPostgres({ ...place, database: DATABASE })).url;
      if (temporal !== 'postgres') return { databaseUrl };
      const besides = at('temporal', config.TEMPORAL_PORT, signal);
      return { databaseUrl, ...(await startTemporalOn(databaseUrl, besides, config, tell(true))) };
    });
  if (config.NATS_URL === undefined)
    starts.push(async (signal) => {
      const place = at('nats', config.NATS_PORT, signal);
      return { natsUrl: ready('nats-server', await startNats(place)).url };
    });
  if (temporal === 'dev')
    starts.push((signal) => startDevTemporal(at('temporal', config.TEMPORAL_PORT, signal), config, ready));
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

/**
 * Ends servers that a killed run of this stack left behind, so that they hold neither ports nor data; PostgreSQL
 * last, because Temporal may have its data there.
 */
export async function stopLeftoverServers(dataDir: string, progress: Progress): Promise<void> {
  const ui = { folder: join('temporal', UI_FOLDER), name: 'Temporal Web UI', signal: 'SIGTERM' } as const;
  for (const { folder, name, signal } of [...embeddedServers, ui].toReversed())
    await stopLeftover(pidFileOf(join(dataDir, folder)), name, signal, progress);
}
