import { join } from 'node:path';
import type { Progress } from '../../dev/servers/progress.ts';
import type { BenchServers } from '../bench-servers.ts';
import type { Closers } from '../closers.ts';
import { largestItems, readProfiles } from '../measure/profile.ts';
import { figure, type Table } from '../measure/table.ts';
import { profiledAt, variants, WARM_UP_MS } from '../scenarios/saga.ts';
import { variantSettings } from './benchmark.ts';
import { startVariant } from './variant-process.ts';

/** Runs the order saga in a profiled worker of its own, and tells where its threads spend their time. */
export async function profileSaga(run: {
  readonly servers: BenchServers;
  readonly closers: Closers;
  readonly progress: Progress;
}): Promise<Table> {
  const folder = join(run.servers.dir, 'profile');
  const settings = await variantSettings(run.servers, 'order');
  const variant = await startVariant(settings, run.closers, folder);
  const { concurrency, seconds } = profiledAt;
  run.progress(`profiling the order saga × ${concurrency} for ${seconds} s`);
  const cell = { concurrency, warmUpMs: WARM_UP_MS, measureMs: seconds * 1_000 };
  const { measured, period } = await variant.measure(cell, {});
  await variant.end();

  const profiles = await readProfiles(folder);
  const { items, busySeconds } = largestItems(profiles, period, profiledAt.items);
  const cpuSeconds = Object.values(measured.cpu).reduce((sum, cpu) => sum + cpu, 0) * measured.count;
  return {
    title:
      `Profile of ${variants.order.name} × ${concurrency} at ${figure(measured.perSecond)} sagas/s: ${profiles.length} JavaScript ` +
      `threads busy for ${figure(busySeconds)} s of ${seconds} s; CPU of the process, with its native threads, ${figure(cpuSeconds)} s`,
    head: ['self time', '% of busy time'],
    rows: items.map(({ name, share }) => [`\`${name}\``, figure(share * 100)]),
  };
}
