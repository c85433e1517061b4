import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { temporaryDataDir } from '../../dev/servers/cache.ts';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startPostgres } from '../../dev/servers/postgres.ts';
import type { RunningServer, ServerOptions } from '../../dev/servers/start-server.ts';
import { startTemporal } from '../../dev/servers/temporal.ts';
import { SEARCH_ATTRIBUTES } from '../../domain/topology.ts';
import { loadConfig } from '../../platform/config.ts';

/** Servers that run already may be used; the others are started once per run, on first use. */
const given = loadConfig(
  z.object({
    TEST_DATABASE_URL: z.string().optional(),
    TEST_NATS_URL: z.string().optional(),
    TEST_TEMPORAL_ADDRESS: z.string().optional(),
  }),
);

const started: Promise<RunningServer>[] = [];

// A test file that can only be imported, not required, gets modules of its own: then two sets of servers would be
// started, and one of them never stopped.
const LOADED = Symbol.for('durable-orders.test-servers');
if (LOADED in globalThis)
  throw new Error('test/support/servers.ts was loaded twice: some file cannot be required');
Object.defineProperty(globalThis, LOADED, { value: true });

/** Shown on stderr, because the first start may fetch or build a server. */
export const progress = (line: string): void => {
  process.stderr.write(`      ${line}\n`);
};

let dataDir: Promise<string> | undefined;
/** Holds what this run writes; removed at its end. */
export const testDataDir = (): Promise<string> => (dataDir ??= temporaryDataDir(progress));

async function start<T extends RunningServer>(
  folder: string,
  startServer: (options: ServerOptions) => Promise<T>,
): Promise<T> {
  const dir = join(await testDataDir(), folder);
  const starting = startServer({ dir, port: await freePort(), progress });
  started.push(starting);
  return starting;
}

const once = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};

/** Address of a PostgreSQL server's maintenance database. */
export const postgresUrl = once(async () => {
  if (given.TEST_DATABASE_URL !== undefined) return given.TEST_DATABASE_URL;
  const { url } = await start('postgres', (options) => startPostgres({ ...options, durability: 'none' }));
  return url;
});

export const natsUrl = once(async () => {
  if (given.TEST_NATS_URL !== undefined) return given.TEST_NATS_URL;
  const { url } = await start('nats', startNats);
  return url;
});

/** The sagas' search attributes, as a namespace is given them. */
export const searchAttributes = Object.fromEntries(
  Object.values(SEARCH_ATTRIBUTES).map((name) => [name, 'Keyword' as const]),
);

/** A Temporal dev server with the sagas' search attributes. */
export const temporalAddress = once(async () => {
  if (given.TEST_TEMPORAL_ADDRESS !== undefined) return given.TEST_TEMPORAL_ADDRESS;
  const { address } = await start('temporal', (options) =>
    startTemporal({ ...options, persistent: false, searchAttributes }),
  );
  return address;
});

/** Stops what was started, and removes its data. */
export async function stopServers(): Promise<void> {
  const results = await Promise.allSettled(started);
  for (const result of results) if (result.status === 'fulfilled') await result.value.stop();
  if (dataDir) await rm(await dataDir, { recursive: true, force: true });
}
