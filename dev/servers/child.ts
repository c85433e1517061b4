import { spawn, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, statSync } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { childEnvironment } from '../../platform/config.ts';
import { hasCode, removePidFile, writePidFile } from './process-identity.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A running child process, in a process group of its own. */
export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, however it ended. */
  readonly exited: Promise<Exit>;
  /** Sends the signal, and SIGKILL when it still runs after the limit (in ms); resolves when it has ended. */
  stop(signal: NodeJS.Signals, limitMs: number): Promise<void>;
  /** SIGKILL to the whole group. */
  kill(): void;
}

export interface LaunchOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Over our own environment. */
  readonly env?: Record<string, string> | undefined;
  /** Another user to run as; only root can. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
  /** Says which process it is, for the run that finds it after this one was killed. Removed when it ends. */
  readonly pidFile: string;
  /** Where its output goes: appended to a file, or handed over as stream. */
  readonly output: { readonly file: string } | { readonly to: (output: Readable) => void };
}

/**
 * Starts a child in a process group of its own: Ctrl-C in a terminal reaches us alone, and we stop the children
 * in order. @throws when it cannot be started at all.
 */
export async function launch(options: LaunchOptions): Promise<Child> {
  const { output } = options;
  const fd = 'file' in output ? openSync(output.file, 'a') : undefined;
  const stdio: StdioOptions = fd === undefined ? ['ignore', 'pipe', 'pipe'] : ['ignore', fd, fd];
  const child = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: childEnvironment(options.env ?? {}),
    detached: true,
    stdio,
    ...options.user,
  });
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      removePidFile(options.pidFile);
      resolve({ code, signal });
    });
  });
  try {
    await once(child, 'spawn');
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
  const { pid } = child;
  if (pid === undefined) throw new Error(`${options.name} has no process id`);
  if ('to' in output) for (const stream of [child.stdout, child.stderr]) if (stream) output.to(stream);
  await writePidFile(options.pidFile, pid);

  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  // It may have ended while its pid file was being written.
  if (!running()) removePidFile(options.pidFile);
  const kill = (): void => {
    if (running()) signalGroup(pid);
  };
  return {
    name: options.name,
    pid,
    exited,
    kill,
    stop: async (signal, limitMs) => {
      if (running()) child.kill(signal);
      if (!(await settledWithin(exited, limitMs))) kill();
      await exited;
    },
  };
}

function signalGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error; // it ended in this moment
  }
}

/** Whether the promise settled before the limit, in ms. */
export async function settledWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const timer = new AbortController();
  const late = pause(limitMs, false, { signal: timer.signal }).catch(() => false);
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    timer.abort();
  }
}

export const describeExit = ({ code, signal }: Exit): string =>
  signal ? `was ended by ${signal}` : `ended with code ${code ?? 'unknown'}`;

const LOG_LIMIT_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 4_096;
const TAIL_LINES = 15;

/** Sets a log aside once it is above 10 MB, so that logs of many runs do not fill the disk. */
export async function rotateLog(file: string): Promise<void> {
  try {
    if ((await stat(file)).size > LOG_LIMIT_BYTES) await rename(file, `${file}.old`);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

/** Bytes that a log has now, 0 when there is none; to read later what came after. */
export const logSize = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** The last 15 lines of what was written to a log after `from`. */
export async function logTail(file: string, from = 0): Promise<string> {
  const start = Math.max(from, logSize(file) - TAIL_BYTES);
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, start);
    const lines = buffer.toString('utf8', 0, bytesRead).trimEnd().split('\n');
    return lines.slice(-TAIL_LINES).join('\n');
  } finally {
    await handle.close();
  }
}
