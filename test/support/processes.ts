import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Child, Exit } from '../../dev/servers/child.ts';
import { freePort } from '../../dev/servers/free-port.ts';
import { logFileOf, startServer } from '../../dev/servers/start-server.ts';
import { projectRoot } from './project-root.ts';
import { progress } from './servers.ts';
import { sagaBundleFile } from './workflow-env.ts';

/** The four processes of the system, by their entry points without suffix. */
export const entryPoints = {
  'command-api': 'api/command.main',
  'query-api': 'api/query.main',
  worker: 'worker/worker.main',
  projector: 'projections/projector.main',
} as const;
export type ProcessName = keyof typeof entryPoints;

interface StartOptions {
  /** Resolves when it is ready (default), or as soon as it is alive. */
  readonly until?: 'ready' | 'alive';
  /** Settings over those that all processes share. */
  readonly env?: Readonly<Record<string, string>>;
  /** Modules that are loaded before the entry point. */
  readonly imports?: readonly string[];
}

interface LogEntry {
  readonly msg: string;
  readonly orderId?: string;
  readonly traceId?: string;
}

/** Production entry points as child processes, each on a port of its own that it keeps. */
export interface Processes<Name extends string> {
  /** Base addresses, also while a process is down. */
  readonly urls: Readonly<Record<Name, string>>;
  /** Starts a process that does not run. */
  start(name: Name, options?: StartOptions): Promise<void>;
  /** SIGKILL. */
  kill(name: Name): Promise<void>;
  /** SIGTERM. @returns its exit code, null when it had to be killed. */
  stop(name: Name): Promise<number | null>;
  /** Resolves when the process that was started last under this name has ended. */
  exited(name: Name): Promise<Exit | undefined>;
  pidOf(name: Name): number | undefined;
  /** What a process has logged, an entry per line. */
  logOf(name: Name): Promise<LogEntry[]>;
  stopAll(): Promise<void>;
}

const STOP_LIMIT_MS = 10_000;
const READY_WITHIN_MS = 60_000;

interface ProcessesOptions {
  /** What all of them share. */
  readonly env: Readonly<Record<string, string>>;
  readonly logDir: string;
  /** Folder of a build whose entry points run. Absent: those of the sources. */
  readonly built?: string | undefined;
}

/** @param entries name → entry point without suffix */
export async function createProcesses<Name extends string>(
  entries: Readonly<Record<Name, string>>,
  { env, logDir, built }: ProcessesOptions,
): Promise<Processes<Name>> {
  const names = Object.keys(entries) as Name[];
  const ports = new Map<Name, number>();
  for (const name of names) ports.set(name, await freePort());
  const urlOf = (name: Name): string => `http://127.0.0.1:${ports.get(name) ?? 0}`;
  const dirOf = (name: Name): string => join(logDir, name);
  const children = new Map<Name, Child>();
  const bundleFor = async (name: Name): Promise<Record<string, string>> => {
    if (entries[name] !== entryPoints.worker) return {};
    return {
      WORKFLOW_BUNDLE: built === undefined ? await sagaBundleFile() : join(built, 'workflow-bundle.js'),
    };
  };

  return {
    urls: Object.fromEntries(names.map((name) => [name, urlOf(name)])) as Record<Name, string>,
    start: async (name, { until = 'ready', env: own = {}, imports = [] } = {}) => {
      const entry = built === undefined ? `${entries[name]}.ts` : join(built, `${entries[name]}.js`);
      const probe = `${urlOf(name)}/${until === 'ready' ? 'readyz' : 'healthz'}`;
      const port = ports.get(name) ?? 0;
      await mkdir(dirOf(name), { recursive: true });
      await startServer(
        { dir: dirOf(name), port, progress, onLaunch: (child) => children.set(name, child) },
        {
          name,
          command: process.execPath,
          args: [
            ...(built === undefined ? ['tsx', ...imports] : imports).flatMap((module) => [
              '--import',
              module,
            ]),
            entry,
          ],
          cwd: projectRoot,
          // All that a test sends comes from one caller; who tests the limit sets it.
          env: {
            RATE_LIMIT_PER_MINUTE: '0',
            ...env,
            ...(await bundleFor(name)),
            ...own,
            PORT: String(port),
          },
          stopSignal: 'SIGTERM',
          readyWithinMs: READY_WITHIN_MS,
          probe: async () => {
            const answer = await fetch(probe);
            if (!answer.ok) throw new Error(`${probe} answered ${answer.status}: ${await answer.text()}`);
          },
        },
      );
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
    exited: async (name) => children.get(name)?.exited,
    pidOf: (name) => children.get(name)?.pid,
    logOf: async (name) => {
      const lines = (await readFile(logFileOf(dirOf(name)), 'utf8')).split('\n');
      return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogEntry);
    },
    stopAll: async () => {
      await Promise.all([...children.values()].map((child) => child.stop('SIGTERM', STOP_LIMIT_MS)));
    },
  };
}
