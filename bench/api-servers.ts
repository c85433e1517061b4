import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../dev/servers/free-port.ts';
import { launch, type Child } from '../dev/servers/child.ts';
import { eventually } from '../test/support/eventually.ts';
import { projectRoot } from '../test/support/project-root.ts';
import type { Closers } from './closers.ts';
import type { Callers } from './accept/callers.ts';
import type { Stores } from './stores.ts';

/** A server that answers as an API does, in a process of its own. */
export interface ApiServer {
  readonly url: string;
  readonly pid: number;
  /** Resident memory now, in MiB. */
  memory(): number;
  stop(): Promise<void>;
}

/** As docker-compose.yml and package.json start them. */
export const productionFlags = ['--max-semi-space-size=64'];
const STOP_LIMIT_MS = 15_000;

const entries = {
  'command-api': 'api/command.main.ts',
  'query-api': 'api/query.main.ts',
  'no-database': 'bench/accept/no-database.main.ts',
} as const;

/** Settings that the API runs with in production; nothing that costs time is turned off. */
const environmentOf = (stores: Stores, databaseUrl: string): Record<string, string> => ({
  DATABASE_URL: databaseUrl,
  NATS_URL: stores.natsUrl,
  LOG_LEVEL: 'info',
});

/** @param profileDir where it leaves what V8 saw, when it ends */
export async function startApiServer(
  { stores, closers, settings }: Pick<Callers, 'settings'> & { stores: Stores; closers: Closers },
  name: keyof typeof entries,
  databaseUrl: string,
  profileDir?: string,
): Promise<ApiServer> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const file = join(stores.dir, `${name}-${port}`);
  const profiling = profileDir === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profileDir];
  const child: Child = await launch({
    name,
    command: process.execPath,
    args: [...profiling, ...productionFlags, '--import', 'tsx', entries[name]],
    cwd: projectRoot,
    env: { ...environmentOf(stores, databaseUrl), ...settings, PORT: String(port) },
    pidFile: `${file}.pid`,
    output: { file: `${file}.log` },
  });
  const stop = (): Promise<void> => child.stop('SIGTERM', STOP_LIMIT_MS);
  closers.add(name, stop);
  await eventually(async () => ((await fetch(`${url}/readyz`)).ok ? true : undefined), {
    what: `${name} is ready; its log is ${file}.log`,
    withinMs: 60_000,
  });
  return { url, pid: child.pid, stop, memory: () => residentMiB(child.pid) };
}

/** NaN where the system does not tell. */
function residentMiB(pid: number): number {
  try {
    const [, kibibytes] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes) / 1_024;
  } catch {
    return Number.NaN; // no /proc, or the process has ended
  }
}

/** What command APIs have written so far. */
export async function batchesOf(
  servers: readonly ApiServer[],
): Promise<{ readonly orders: number; readonly batches: number }> {
  const metrics = await Promise.all(servers.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  const sum = (name: string): number =>
    metrics.reduce(
      (total, text) => total + Number(new RegExp(`^${name}{.*} (\\d+)`, 'm').exec(text)?.[1]),
      0,
    );
  return { orders: sum('command_batch_size_sum'), batches: sum('command_batch_size_count') };
}
