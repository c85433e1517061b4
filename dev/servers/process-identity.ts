import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import type { Progress } from './progress.ts';

/**
 * A pid file that a dead process left may name a pid that belongs to someone else by now. So it also keeps
 * when that process began; a process is ours only if both agree.
 */
const pidFile = z.object({ pid: z.number().int().positive(), identity: z.string() });
type PidFile = z.infer<typeof pidFile>;

const GRACE_MS = 10_000;

/** Boot and start time of a running process, or undefined when there is none (a zombie counts as none). */
async function identityOf(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return identityFromPs(pid);
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the command in parentheses and may hold anything, so count from its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19]}`;
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return undefined;
    throw error;
  }
}

async function identityFromPs(pid: number): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() || undefined;
  } catch (error) {
    if (hasCode(error, 1)) return undefined; // ps knows no such process
    throw error;
  }
}

/** Writes nothing when the process has ended already. */
export async function writePidFile(path: string, pid: number): Promise<void> {
  const identity = await identityOf(pid);
  if (identity !== undefined) writeFileSync(path, JSON.stringify({ pid, identity } satisfies PidFile));
}

export function removePidFile(path: string): void {
  rmSync(path, { force: true });
}

/** The pid of the process that wrote the file, while that very process still runs. */
export async function livePid(path: string): Promise<number | undefined> {
  let text: string;
  try {
    await access(path);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  const parsed = pidFile.safeParse(jsonOrNothing(text));
  if (!parsed.success) return undefined; // cut off in the middle of being written
  return (await identityOf(parsed.data.pid)) === parsed.data.identity ? parsed.data.pid : undefined;
}

/** Ends the process that an earlier run left behind, if it still runs; first kindly, after 10 s by force. */
export async function stopLeftover(
  path: string,
  name: string,
  signal: NodeJS.Signals,
  progress: Progress,
): Promise<void> {
  const pid = await livePid(path);
  if (pid !== undefined) {
    progress(`${name} of an earlier run is still running (pid ${pid}); stopping it`);
    process.kill(pid, signal);
    if (!(await gone(path, GRACE_MS))) {
      process.kill(pid, 'SIGKILL');
      if (!(await gone(path, GRACE_MS))) throw new Error(`${name} (pid ${pid}) cannot be stopped`);
    }
  }
  removePidFile(path);
}

async function gone(path: string, limitMs: number): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (Date.now() < end) {
    if ((await livePid(path)) === undefined) return true;
    await pause(50);
  }
  return false;
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether an error carries one of these codes (`ENOENT`, or the exit code of a command). */
export const hasCode = (error: unknown, ...codes: (string | number)[]): boolean =>
  error instanceof Error &&
  'code' in error &&
  (typeof error.code === 'string' || typeof error.code === 'number') &&
  codes.includes(error.code);
