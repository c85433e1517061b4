import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { launch, type Child } from '../../dev/servers/child.ts';
import { freePort } from '../../dev/servers/free-port.ts';
import type { Knex } from '../../db/connection.ts';
import { createTopology, type Topology } from '../../domain/topology.ts';
import { createTestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import { natsUrl, temporalAddress, testDataDir } from './servers.ts';

const entries = {
  'command-api': 'api/command.main.ts',
  'query-api': 'api/query.main.ts',
  worker: 'worker/worker.main.ts',
  projector: 'projections/projector.main.ts',
} as const;
export type ProcessName = keyof typeof entries;

/** The four processes from their production entry points, with a database, stream and namespace of their own. */
export interface System {
  readonly db: Knex;
  readonly topology: Topology;
  readonly namespace: string;
  /** Base addresses, also while a process is down. */
  readonly urls: Readonly<Record<ProcessName, string>>;
  /** Starts a process that does not run, and resolves when it is ready, or as soon as it is alive. */
  start(name: ProcessName, until?: 'ready' | 'alive'): Promise<void>;
  /** SIGKILL. */
  kill(name: ProcessName): Promise<void>;
  /** SIGTERM. @returns its exit code, null when it had to be killed. */
  stop(name: ProcessName): Promise<number | null>;
  /** What a process has logged, an entry per line. */
  logOf(name: ProcessName): Promise<LogEntry[]>;
  /** Ends everything and drops the database. */
  close(): Promise<void>;
}

interface LogEntry {
  readonly msg: string;
  readonly orderId?: string;
  readonly traceId?: string;
}

const STOP_LIMIT_MS = 10_000;
const READY_WITHIN_MS = 60_000;
const projectRoot = resolve(import.meta.dirname, '../..');

interface SystemOptions {
  /** Settings over the defaults, for all processes. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: all four. */
  readonly processes?: readonly ProcessName[];
}

export async function startSystem({
  env = {},
  processes = Object.keys(entries) as ProcessName[],
}: SystemOptions = {}): Promise<System> {
  const id = `test-${randomBytes(4).toString('hex')}`;
  const database = await createTestDatabase();
  const address = await temporalAddress();
  await createNamespace(address, id);
  const ports = new Map<ProcessName, number>();
  for (const name of Object.keys(entries) as ProcessName[]) ports.set(name, await freePort());
  const urlOf = (name: ProcessName): string => `http://127.0.0.1:${ports.get(name) ?? 0}`;
  const logDir = join(await testDataDir(), 'logs', id);
  await mkdir(logDir, { recursive: true });
  const logFileOf = (name: ProcessName): string => join(logDir, `${name}.log`);
  const children = new Map<ProcessName, Child>();
  const shared = {
    DATABASE_URL: database.url,
    NATS_URL: await natsUrl(),
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: id,
    STREAM_PREFIX: `${id}-`,
    FAULT_DIALS: 'true',
    // Parcels stay where they are unless a test wants to see them move.
    CARRIER_DISPATCH_MS: '3600000',
    ...env,
  };

  const system: System = {
    db: database.db,
    topology: createTopology(shared.STREAM_PREFIX),
    namespace: id,
    urls: Object.fromEntries([...ports.keys()].map((name) => [name, urlOf(name)])) as Record<
      ProcessName,
      string
    >,
    start: async (name, until = 'ready') => {
      const log = logFileOf(name);
      const child = await launch({
        name,
        command: process.execPath,
        args: ['--import', 'tsx', entries[name]],
        cwd: projectRoot,
        env: { ...shared, PORT: String(ports.get(name)) },
        pidFile: join(logDir, `${name}.pid`),
        output: { file: log },
      });
      children.set(name, child);
      const probe = `${urlOf(name)}/${until === 'ready' ? 'readyz' : 'healthz'}`;
      await eventually(async () => ((await fetch(probe)).ok ? true : undefined), {
        what: `${name} is ${until}; its log is ${log}`,
        withinMs: READY_WITHIN_MS,
      });
    },
    kill: async (name) => {
      children.get(name)?.kill();
      await children.get(name)?.exited;
    },
    stop: async (name) => {
      const child = children.get(name);
      await child?.stop('SIGTERM', STOP_LIMIT_MS);
      return (await child?.exited)?.code ?? null;
    },
    logOf: async (name) => {
      const lines = (await readFile(logFileOf(name), 'utf8')).split('\n');
      return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogEntry);
    },
    close: async () => {
      await Promise.all([...children.values()].map((child) => child.stop('SIGTERM', STOP_LIMIT_MS)));
      await database.drop();
    },
  };
  try {
    await Promise.all(processes.map((name) => system.start(name)));
  } catch (error) {
    await system.close();
    throw error;
  }
  return system;
}

/** Resolves when the server uses it, which is some seconds after it was told. */
async function createNamespace(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: msToTs('1 day'),
    });
    await eventually(() => connection.workflowService.listWorkflowExecutions({ namespace, pageSize: 1 }), {
      what: `namespace ${namespace} can be used`,
    });
  } finally {
    await connection.close();
  }
}
