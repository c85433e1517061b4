import { monotonicMicros } from '../measure/clock.ts';
import { largestItems, readProfiles } from '../measure/profile.ts';
import { figure, type Table } from '../measure/table.ts';
import { highestAt, profiled, warmUpSeconds } from '../scenarios/accept.ts';
import type { Clients } from './clients.ts';
import type { ApiServer } from '../api-servers.ts';

/** Tells where a profiled command API spends its time under load. Ends it. */
export async function profileApi({
  clients,
  api,
  profileDir,
}: {
  clients: Clients;
  api: ApiServer;
  profileDir: string;
}): Promise<Table> {
  const load = { urls: [api.url], connections: highestAt };
  await clients.load({ ...load, seconds: 2 * warmUpSeconds }, {});
  const from = monotonicMicros();
  const { perSecond, accepted } = await clients.load({ ...load, seconds: profiled.seconds }, {});
  const to = monotonicMicros();
  await clients.end();
  await api.stop();
  const { items, busySeconds } = largestItems(await readProfiles(profileDir), { from, to }, profiled.items);
  return {
    title:
      `Profile of one command API × ${highestAt} at ${figure(perSecond)} orders/s: its JavaScript was busy for ` +
      `${figure(busySeconds)} s of ${figure((to - from) / 1e6)} s, ${figure((1e6 * busySeconds) / accepted)} µs per order`,
    head: ['self time', '% of busy time'],
    rows: items.map(({ name, share }) => [`\`${name}\``, figure(share * 100)]),
  };
}
