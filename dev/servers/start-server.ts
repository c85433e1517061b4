import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import {
  describeExit,
  launch,
  logSize,
  logTail,
  rotateLog,
  type Child,
  type Exit,
  type LaunchOptions,
} from './child.ts';
import { isFree } from './free-port.ts';
import { stopLeftover } from './process-identity.ts';
import { reasonOf, StartError, type Waiting } from './progress.ts';

/** What a started server can always be asked for. */
export interface RunningServer {
  readonly pid: number;
  /** Resolves when its process has ended, however it ended. */
  readonly exited: Promise<Exit>;
  /** Stops it in good order, and by force when that takes longer than `limitMs` (default 8 s). */
  stop(limitMs?: number): Promise<void>;
  /** SIGKILL. It can be started again on the same folder and port. */
  kill(): void;
}

/** What every `startX` takes. */
export interface ServerOptions extends Waiting {
  /** Its own folder: data, log, pid file. Made when it is not there. */
  readonly dir: string;
  readonly port: number;
  /** Told about the process at once, before it is ready, so that it can be killed at any time. */
  readonly onLaunch?: ((child: Child) => void) | undefined;
}

interface ServerRecipe {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env?: Record<string, string>;
  readonly user?: LaunchOptions['user'];
  readonly stopSignal: NodeJS.Signals;
  readonly readyWithinMs: number;
  /** Rejects while the server does not answer as it should. */
  readonly probe: () => Promise<void>;
}

const STOP_LIMIT_MS = 8_000;
const PROBE_EVERY_MS = 100;

/**
 * Starts a server and waits until it answers. One that an earlier run left behind on the same folder is stopped
 * first. @throws StartError with the end of the server's log.
 */
export async function startServer(options: ServerOptions, recipe: ServerRecipe): Promise<RunningServer> {
  const { name } = recipe;
  const pidFile = pidFileOf(options.dir);
  const log = logFileOf(options.dir);
  await stopLeftover(pidFile, name, recipe.stopSignal, options.progress);
  options.signal?.throwIfAborted();
  // Whoever has the port would answer while ours is still on its way to find that out.
  if (!(await isFree(options.port)))
    throw new StartError(`${name} did not start: port ${options.port} is taken`);
  await rotateLog(log);
  const logStart = logSize(log);
  const child = await launch({ ...recipe, pidFile, output: { file: log } });
  options.onLaunch?.(child);
  try {
    await untilReady(child, recipe, options.signal);
  } catch (error) {
    await child.stop(recipe.stopSignal, STOP_LIMIT_MS);
    if (options.signal?.aborted) throw error;
    const tail = await logTail(log, logStart);
    throw new StartError(`${name} did not start: ${reasonOf(error)}\nend of ${log}:\n${tail}`, {
      cause: error,
    });
  }
  return {
    pid: child.pid,
    exited: child.exited,
    stop: (limitMs = STOP_LIMIT_MS) => child.stop(recipe.stopSignal, limitMs),
    kill: () => {
      child.kill();
    },
  };
}

/** The pid file of the server that has this folder. */
export const pidFileOf = (dir: string): string => join(dir, 'server.pid');

/** What that server has written. */
export const logFileOf = (dir: string): string => join(dir, 'server.log');

async function untilReady(
  child: Child,
  recipe: ServerRecipe,
  signal: AbortSignal | undefined,
): Promise<void> {
  const deadline = Date.now() + recipe.readyWithinMs;
  let exit: Exit | undefined;
  const watch = child.exited.then((ended) => {
    exit = ended;
  });
  const exitSoFar = (): Exit | undefined => exit;
  for (;;) {
    signal?.throwIfAborted();
    const ended = exitSoFar();
    if (ended) throw new Error(`it ${describeExit(ended)}`);
    try {
      await recipe.probe();
      // Another server on this port may have answered while ours ended because of it.
      if (!exitSoFar()) return;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(`no answer within ${recipe.readyWithinMs / 1_000} s: ${reasonOf(error)}`, {
          cause: error,
        });
    }
    await Promise.race([watch, pause(PROBE_EVERY_MS)]);
  }
}
