import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { launch, logTail, type Child, type Exit } from '../../dev/servers/child.ts';
import { freePort } from '../../dev/servers/free-port.ts';
import { livePid } from '../../dev/servers/process-identity.ts';
import { eventually } from './eventually.ts';
import { projectRoot } from './project-root.ts';
import { getJson } from './http.ts';

const portVariables = [
  'PORT',
  'COMMAND_API_PORT',
  'QUERY_API_PORT',
  'WORKER_PORT',
  'PROJECTOR_PORT',
  'POSTGRES_PORT',
  'NATS_PORT',
  'TEMPORAL_PORT',
  'TEMPORAL_UI_PORT',
] as const;

/** Settings under which two stacks do not meet. */
export async function stackSettings(dataDir: string): Promise<Record<string, string>> {
  const settings: Record<string, string> = {
    DATA_DIR: dataDir,
    // The first order stays COMPLETED, its parcel where it is.
    CARRIER_DISPATCH_MS: '3600000',
  };
  for (const variable of portVariables) settings[variable] = String(await freePort());
  return settings;
}

export interface StartedStack {
  /** What it has printed. */
  output(): Promise<string>;
  readonly api: string;
  /** Resolves when it has said where everything is. */
  ready(): Promise<void>;
  /** Resolves when it has ended by itself. */
  readonly exited: Promise<Exit>;
  /** Ctrl-C: SIGINT to `npm` and what it runs, as a terminal does. @returns the ms until all had ended. */
  interrupt(): Promise<number>;
  /** Ids of all processes that it started and that have not ended. */
  processIds(): Promise<number[]>;
  kill(): void;
}

/** Runs `npm start` with these settings and arguments. @param log file that takes its output */
export async function npmStart(
  settings: Record<string, string>,
  args: readonly string[],
  log: string,
): Promise<StartedStack> {
  const child: Child = await launch({
    name: 'npm start',
    command: 'npm',
    args: ['start', '--', ...args],
    cwd: projectRoot,
    env: settings,
    pidFile: `${log}.pid`,
    output: { file: log },
  });
  let exit: Exit | undefined;
  void child.exited.then((ended) => (exit = ended));
  const api = `http://127.0.0.1:${settings['PORT'] ?? ''}`;
  return {
    api,
    output: () => readFile(log, 'utf8'),
    exited: child.exited,
    ready: async () => {
      await eventually(
        async () => {
          if (exit) throw new Error(`npm start has ended: ${await logTail(log)}`);
          return (await readFile(log, 'utf8')).includes('Durable Orders is running') || undefined;
        },
        { what: `npm start says where everything is; its output is ${log}`, withinMs: 300_000 },
      );
      await getJson(`${api}/healthz`);
    },
    interrupt: async () => {
      const startedAt = performance.now();
      process.kill(-child.pid, 'SIGINT');
      await child.exited;
      return performance.now() - startedAt;
    },
    processIds: () => pidsBelow(settings['DATA_DIR'] ?? ''),
    kill: () => {
      child.kill();
    },
  };
}

/** Every process of a stack says in a pid file below its data folder who it is. */
async function pidsBelow(dir: string): Promise<number[]> {
  const files = (await readdir(dir, { recursive: true })).filter((name) => name.endsWith('.pid'));
  const pids = await Promise.all(files.map((name) => livePid(join(dir, name))));
  return pids.filter((pid) => pid !== undefined);
}
