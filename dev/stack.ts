import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { allOrNone } from './all-or-none.ts';
import type { StackConfig } from './dev-config.ts';
import { onlyLocal } from '../platform/local-requests.ts';
import { withHome } from './home.ts';
import { listen, type HttpServer } from './listen.ts';
import { createProxy } from './proxy.ts';
import { forgetStack, lockOf, tellOfStack } from './running-stack.ts';
import type { Child } from './servers/child.ts';
import { assertPortsFree } from './servers/free-port.ts';
import { livePid, removePidFile, stopLeftover, writePidFile } from './servers/process-identity.ts';
import { reasonOf, StartError, type Progress } from './servers/progress.ts';
import type { RunningServer } from './servers/start-server.ts';
import { makeOpenFolder } from './servers/cache.ts';
import { embeddedServers, startServers, stopLeftoverServers, type ServerAddresses } from './stack-servers.ts';
import { portsInUse, type StackProcess, type StackTask } from './stack-settings.ts';
import type { TemporalKind } from './start-arguments.ts';
import { createSupervised, type Supervised } from './supervisor.ts';
import { runTask } from './task.ts';

interface StackDeps {
  readonly config: StackConfig;
  readonly projectRoot: string;
  readonly dataDir: string;
  /** Begin with empty servers. */
  readonly fresh: boolean;
  /** Of no effect when TEMPORAL_ADDRESS is set. */
  readonly temporal: TemporalKind;
  /** Run while the servers start. */
  readonly preparations: readonly StackTask[];
  readonly tasks: readonly StackTask[];
  /** Named `command-api`, `query-api` and `worker` among them: the proxy sends requests there. */
  readonly processes: readonly StackProcess[];
  readonly progress: Progress;
}

export interface Stack {
  /** Resolves when all of it is ready. @throws StartError; what was started is still to be stopped. */
  start(): Promise<ServerAddresses>;
  /** Stops everything in order within 10 s, also while it starts. */
  stop(): Promise<void>;
  /** SIGKILL to everything, at once. */
  kill(): void;
}

const READY_WITHIN_MS = 90_000;
/** Together below the 10 s that a stop may take. */
const PROCESS_STOP_MS = 6_000;
/** Being killed costs it nothing: what it has acknowledged is in PostgreSQL. */
const ON_POSTGRES_STOP_MS = 1_500;
const SERVER_STOP_MS = 2_400;

/** The whole system on one machine: servers, migrations, processes, and the proxy before them. */
export function createStack(deps: StackDeps): Stack {
  const { config, dataDir, progress } = deps;
  const logDir = join(dataDir, 'logs');
  const lock = lockOf(dataDir);
  const aborted = new AbortController();
  const children = new Set<Child>();
  const servers: RunningServer[] = [];
  const serversOnPostgres: RunningServer[] = [];
  const supervised: Supervised[] = [];
  let proxy: HttpServer | undefined;
  let locked = false;
  let stopping = false;
  let starting: Promise<unknown> = Promise.resolve();
  const onPostgres = deps.temporal === 'postgres' && config.TEMPORAL_ADDRESS === undefined;

  const onLaunch = (child: Child): void => {
    children.add(child);
    void child.exited.then(() => children.delete(child));
  };

  async function takeLock(): Promise<void> {
    await makeOpenFolder(dataDir);
    const other = await livePid(lock);
    if (other !== undefined)
      throw new StartError(
        `this stack runs already (pid ${other}); stop that one, or set DATA_DIR and the ports`,
      );
    removePidFile(lock);
    await writePidFile(lock, process.pid);
    locked = true;
    // Of a stack that was killed: its addresses are not ours.
    await forgetStack(dataDir);
  }

  async function stopLeftovers(): Promise<void> {
    for (const { name } of [...deps.preparations, ...deps.tasks, ...deps.processes]) {
      await stopLeftover(join(logDir, `${name}.pid`), name, 'SIGTERM', progress);
    }
    await stopLeftoverServers(dataDir, progress);
  }

  async function empty(): Promise<void> {
    for (const { folder, name, given } of embeddedServers) {
      if (config[given] === undefined) await rm(join(dataDir, folder), { recursive: true, force: true });
      else progress(`--fresh: ${name} is given by ${given}; what it holds stays as it is`);
    }
    if (config.DATABASE_URL !== undefined && onPostgres)
      progress('--fresh: the databases of Temporal on that PostgreSQL stay as they are, too');
    progress('--fresh: beginning with empty servers');
  }

  /** A server that is down is left down: its data is at stake, and whoever develops wants to see it. */
  function watch(name: string, server: RunningServer, needsPostgres: boolean): void {
    (needsPostgres ? serversOnPostgres : servers).push(server);
    void server.exited.then(() => {
      if (!stopping)
        progress(`${name} has ended by itself; its log is in ${dataDir}. Start the stack again.`);
    });
  }

  const run = ({ env = {}, ...task }: StackTask, shared: Record<string, string> = {}): Promise<void> =>
    runTask({
      ...task,
      projectRoot: deps.projectRoot,
      logDir,
      env: { ...shared, ...env },
      onLaunch,
      progress,
      signal: aborted.signal,
    });

  /** Whoever waits for a preparation does by itself what that could not. */
  const prepare = (): Map<string, Promise<void>> =>
    new Map(
      deps.preparations.map((task) => [
        task.name,
        run(task).catch((error: unknown) => {
          if (!stopping) progress(`going on without ${task.name}: ${reasonOf(error)}`);
        }),
      ]),
    );

  async function startProcesses(
    addresses: ServerAddresses,
    preparations: ReadonlyMap<string, Promise<void>>,
  ): Promise<void> {
    const env = environmentOf(config, addresses);
    for (const task of deps.tasks) await run(task, env);
    progress(`starting ${deps.processes.map(({ name }) => name).join(', ')}`);
    const starts = deps.processes.map(({ name, entry, port, env: own, after = '' }) => {
      const spec = {
        name,
        command: process.execPath,
        args: ['--import', 'tsx', entry],
        cwd: deps.projectRoot,
        env: { ...env, ...own, PORT: String(port) },
        readyUrl: `http://127.0.0.1:${port}/readyz`,
      };
      const member = createSupervised(spec, { progress, logDir, readyWithinMs: READY_WITHIN_MS, onLaunch });
      supervised.push(member);
      return async (signal: AbortSignal) => {
        await preparations.get(after);
        signal.throwIfAborted();
        await member.start(signal);
        progress(`${name} is ready`);
      };
    });
    await allOrNone(starts, aborted.signal);
  }

  async function startAll(): Promise<ServerAddresses> {
    await takeLock();
    await mkdir(logDir, { recursive: true, mode: 0o700 });
    await stopLeftovers();
    await assertPortsFree(portsInUse(config));
    if (deps.fresh) await empty();
    if (deps.temporal === 'postgres' && !onPostgres)
      progress('--temporal=postgres has no effect: TEMPORAL_ADDRESS names the server to use');
    const preparations = prepare();
    const addresses = await startServers({
      config,
      temporal: deps.temporal,
      dataDir,
      progress,
      signal: aborted.signal,
      onLaunch,
      onReady: watch,
    });
    await tellOfStack(dataDir, {
      api: `http://127.0.0.1:${config.PORT}`,
      settings: {
        DATABASE_URL: addresses.databaseUrl,
        NATS_URL: addresses.natsUrl,
        TEMPORAL_ADDRESS: addresses.temporalAddress,
        TEMPORAL_NAMESPACE: config.TEMPORAL_NAMESPACE,
      },
    });
    await startProcesses(addresses, preparations);
    aborted.signal.throwIfAborted();
    const routes = createProxy(upstreamsOf(deps.processes));
    // The APIs know whose pages may send commands (CORS_ORIGINS); the worker lets in none.
    const local = onlyLocal(withHome(routes, addresses.temporalUiUrl), 'any');
    proxy = await listen(local, config.PORT);
    return addresses;
  }

  return {
    start: () => {
      const start = startAll().catch((error: unknown) => {
        aborted.abort(); // whatever starts beside the part that failed
        throw error;
      });
      starting = start;
      return start;
    },
    stop: async () => {
      stopping = true;
      aborted.abort();
      await proxy?.close();
      await Promise.all(supervised.map((member) => member.stop(PROCESS_STOP_MS)));
      // Without its database, Temporal would spend its time on trying again.
      await Promise.all(serversOnPostgres.map((server) => server.stop(ON_POSTGRES_STOP_MS)));
      await Promise.all(servers.map((server) => server.stop(SERVER_STOP_MS)));
      await starting.catch(() => undefined); // whoever called start() is told
      // Servers that were between launch and ready when the start was given up.
      await Promise.all([...children].map((child) => child.stop('SIGINT', SERVER_STOP_MS)));
      if (locked) {
        await forgetStack(dataDir);
        removePidFile(lock);
      }
    },
    kill: () => {
      stopping = true;
      aborted.abort();
      for (const child of children) {
        try {
          child.kill();
        } catch (error) {
          progress(`${child.name} (pid ${child.pid}) cannot be killed: ${reasonOf(error)}`);
        }
      }
      if (locked) removePidFile(lock);
    },
  };
}

function upstreamsOf(processes: readonly StackProcess[]): Parameters<typeof createProxy>[0] {
  const baseOf = (wanted: string): string => {
    const found = processes.find(({ name }) => name === wanted);
    if (!found) throw new Error(`the stack has no process ${wanted}`);
    return `http://127.0.0.1:${found.port}`;
  };
  return { commandApi: baseOf('command-api'), queryApi: baseOf('query-api'), worker: baseOf('worker') };
}

const environmentOf = (config: StackConfig, addresses: ServerAddresses): Record<string, string> => ({
  HOST: '127.0.0.1',
  DATABASE_URL: addresses.databaseUrl,
  NATS_URL: addresses.natsUrl,
  TEMPORAL_ADDRESS: addresses.temporalAddress,
  ...(addresses.temporalUiUrl === undefined ? {} : { TEMPORAL_UI_URL: addresses.temporalUiUrl }),
  SHUTDOWN_TIMEOUT_MS: String(config.SHUTDOWN_TIMEOUT_MS),
});
