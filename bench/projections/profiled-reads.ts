import { join } from 'node:path';
import { startApiServer } from '../api-servers.ts';
import { monotonicMicros } from '../measure/clock.ts';
import { largestItems, readProfiles } from '../measure/profile.ts';
import { figure, type Table } from '../measure/table.ts';
import { profiledItems, reads } from '../scenarios/projections.ts';
import type { ProjectorProcess } from './projector-process.ts';
import type { ProjectionsRun } from './projections-run.ts';
import { followViews, READ_PREFIX } from './read-views.ts';
import { routes, servers, type ReadersOfViews } from './reads.ts';

/** Tells where profiled query APIs spend their time while they are asked for orders, and for sales. */
export async function profileReads(
  run: ProjectionsRun,
  projector: ProjectorProcess,
  { readers, callers }: ReadersOfViews,
): Promise<Table[]> {
  const { stores, closers, databaseUrl, seconds } = run;
  const { targets, stop } = await followViews(run, projector, callers);

  const profile = async (server: 'api' | 'unheard', route: keyof typeof routes): Promise<Table> => {
    const profileDir = join(stores.dir, `profile-${server}-${route}`);
    const settings = { ...callers.settings, ...(server === 'api' ? { STREAM_PREFIX: READ_PREFIX } : {}) };
    const api = await startApiServer({ stores, closers, settings }, 'query-api', databaseUrl, profileDir);
    const load = { url: api.url, targets: targets[route], connections: reads.connections };
    await readers.read({ ...load, seconds: 2 * reads.warmUpSeconds }, {});
    const from = monotonicMicros();
    const { perSecond, answered } = await readers.read({ ...load, seconds }, {});
    const to = monotonicMicros();
    await api.stop();
    const { items, busySeconds } = largestItems(await readProfiles(profileDir), { from, to }, profiledItems);
    return {
      title:
        `Profile of ${routes[route]}, ${servers[server]}, at ${figure(perSecond)} requests/s: its JavaScript was ` +
        `busy for ${figure(busySeconds)} s of ${figure((to - from) / 1e6)} s, ` +
        `${figure((1e6 * busySeconds) / answered)} µs per request`,
      head: ['self time', '% of busy time'],
      rows: items.map(({ name, share }) => [`\`${name}\``, figure(share * 100)]),
    };
  };
  const tables = [
    await profile('api', 'order'),
    await profile('api', 'sales'),
    await profile('unheard', 'order'),
    await profile('unheard', 'sales'),
  ];
  await stop();
  return tables;
}
