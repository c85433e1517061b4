import { access, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findTemporal } from './known-servers.ts';
import { startServer, type RunningServer, type ServerOptions } from './start-server.ts';
import { askNamespace, type SearchAttributes } from './temporal-namespace.ts';
import { UNLIMITED } from './temporal-settings.ts';

export interface TemporalOptions extends ServerOptions {
  /** Absent: no Web UI. */
  readonly uiPort?: number;
  /** Keeps workflows in a file of its folder. Default true; false keeps them in memory, for tests. */
  readonly persistent?: boolean;
  /** Made at start when it is not there. Default: `default`. */
  readonly namespace?: string;
  /** Registered in the namespace when that is made. */
  readonly searchAttributes?: SearchAttributes;
}

export interface TemporalServer extends RunningServer {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  /** Base address of the Web UI, when it was asked for. */
  readonly uiUrl: string | undefined;
}

/** Relative to the server's folder: the file name goes into a URI, where a path could hold what means something. */
const DATABASE = 'temporal.db';

/** The Temporal dev server. @throws StartError with the end of its log. */
export async function startTemporal(options: TemporalOptions): Promise<TemporalServer> {
  const command = await findTemporal(options);
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const complete = join(options.dir, 'complete');
  if (options.persistent !== false) await dropIncomplete(options.dir, complete);
  const address = `127.0.0.1:${options.port}`;
  const namespace = options.namespace ?? 'default';
  const server = await startServer(options, {
    name: 'Temporal',
    command,
    args: commandLine(options, namespace),
    cwd: options.dir,
    stopSignal: 'SIGTERM',
    readyWithinMs: 60_000,
    probe: () => askNamespace(address, namespace),
  });
  await writeFile(complete, '');
  return {
    ...server,
    address,
    uiUrl: options.uiPort === undefined ? undefined : `http://127.0.0.1:${options.uiPort}`,
  };
}

function commandLine(options: TemporalOptions, namespace: string): string[] {
  const { port, uiPort, searchAttributes = {} } = options;
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    // The write-ahead log needs one fsync per transaction where the rollback journal needs several.
    ...(options.persistent === false
      ? []
      : ['--db-filename', DATABASE, '--sqlite-pragma', 'journal_mode=WAL']),
    ...(namespace === 'default' ? [] : ['--namespace', namespace]),
    ...Object.entries(searchAttributes).flatMap(([name, type]) => ['--search-attribute', `${name}=${type}`]),
    ...Object.entries(UNLIMITED).flatMap(([key, value]) => ['--dynamic-config-value', `${key}=${value}`]),
  ];
}

/** A server killed while it made its tables leaves a file that no later one can use; nothing is in it yet. */
async function dropIncomplete(dir: string, complete: string): Promise<void> {
  const wasReady = await access(complete).then(
    () => true,
    () => false,
  );
  if (wasReady) return;
  for (const suffix of ['', '-wal', '-shm', '-journal'])
    await rm(join(dir, DATABASE + suffix), { force: true });
}
