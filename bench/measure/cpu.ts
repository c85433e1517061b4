import { readdirSync, readFileSync } from 'node:fs';

/** Name → process id of the root of a process tree. */
export type ProcessIds = Readonly<Record<string, number>>;
/** Name → CPU seconds, NaN where the system does not tell. */
export type CpuSeconds = Readonly<Record<string, number>>;

/** Linux counts in hundredths of a second (`USER_HZ`), whatever its timer does. */
const TICKS_PER_SECOND = 100;

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  /** User and system time of the process and of its children that have ended. */
  readonly ticks: number;
}

/** Reads `/proc/<pid>/stat` (see proc_pid_stat(5)). The name in brackets may hold anything, also brackets. */
export function parseStat(text: string): ProcessStat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const numberAt = (field: number): number => Number(fields[field - 3]);
  const ticks = [14, 15, 16, 17].reduce((sum, field) => sum + numberAt(field), 0);
  return { pid: Number.parseInt(text, 10), parent: numberAt(4), ticks };
}

/** Ticks of a process and its descendants, without those that count on their own, and without theirs. */
export function ticksOfTree(
  stats: readonly ProcessStat[],
  root: number,
  onTheirOwn: readonly number[] = [],
): number {
  const own = stats.find(({ pid }) => pid === root)?.ticks ?? Number.NaN;
  return stats
    .filter(({ pid, parent }) => parent === root && !onTheirOwn.includes(pid))
    .reduce((sum, { pid }) => sum + ticksOfTree(stats, pid, onTheirOwn), own);
}

/** CPU that each tree has used so far; with its ended children, so that a session of PostgreSQL that ends counts. */
export function cpuOf(processes: ProcessIds): CpuSeconds {
  const stats = allStats();
  const named = Object.values(processes);
  return Object.fromEntries(
    Object.entries(processes).map(([name, pid]) => [name, ticksOfTree(stats, pid, named) / TICKS_PER_SECOND]),
  );
}

/** What was used between two readings, divided by how often something was done. */
export const cpuPer = (before: CpuSeconds, after: CpuSeconds, times: number): CpuSeconds =>
  Object.fromEntries(
    Object.entries(after).map(([name, seconds]) => [name, (seconds - (before[name] ?? Number.NaN)) / times]),
  );

function allStats(): ProcessStat[] {
  return list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))];
      } catch {
        return []; // it ended between the listing and the reading
      }
    });
}

/** Systems without /proc have nothing to list. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
