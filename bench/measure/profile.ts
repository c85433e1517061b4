import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** What V8 writes with `--cpu-prof`; times in microseconds of the system's monotonic clock. */
const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  startTime: z.number(),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});
export type Profile = z.infer<typeof profileSchema>;

/** Part of the monotonic clock, in microseconds. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

interface Item {
  readonly name: string;
  /** Of the time that the threads were not idle. */
  readonly share: number;
}

export interface LargestItems {
  readonly items: readonly Item[];
  /** Seconds that all JavaScript threads together were not idle. */
  readonly busySeconds: number;
}

/** Functions by the time spent in themselves, over all threads, largest first. */
export function largestItems(
  profiles: readonly Profile[],
  { from, to }: Period,
  count: number,
): LargestItems {
  const selfTime = new Map<string, number>();
  let busy = 0;
  for (const { nodes, startTime, samples, timeDeltas } of profiles) {
    const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
    let at = startTime;
    for (const [index, sample] of samples.entries()) {
      at += timeDeltas[index] ?? 0;
      // A sample lasts until the next one.
      const lasts = timeDeltas[index + 1] ?? 0;
      const name = names.get(sample) ?? '(unknown)';
      if (at < from || at > to || name === '(idle)') continue;
      busy += lasts;
      selfTime.set(name, (selfTime.get(name) ?? 0) + lasts);
    }
  }
  const items = [...selfTime]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, time]) => ({ name, share: time / busy }));
  return { items, busySeconds: busy / 1_000_000 };
}

/** All threads of a process that ran with `--cpu-prof-dir`. */
export async function readProfiles(folder: string): Promise<Profile[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile'));
  return Promise.all(
    files.map(async (name) => profileSchema.parse(JSON.parse(await readFile(join(folder, name), 'utf8')))),
  );
}

const projectRoot = join(import.meta.dirname, '../..');

/** `function (file:line)`, the file as seen from the project. */
function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  if (functionName.startsWith('(') && url === '') return functionName;
  const path = url.startsWith('file://') ? fileURLToPath(url) : url;
  const file = path.startsWith(projectRoot) ? path.slice(projectRoot.length + 1) : path;
  return `${functionName || '(anonymous)'} (${file === '' ? 'native' : `${file}:${lineNumber + 1}`})`;
}
