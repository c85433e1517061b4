import { callers } from '../scenarios/accept.ts';
import { inFlight, orders, profiledItems } from '../scenarios/projections.ts';
import { largestItems, readProfiles } from '../measure/profile.ts';
import { figure, type Table } from '../measure/table.ts';
import { eventsOf } from './histories.ts';
import type { ProjectorProcess } from './projector-process.ts';
import { fillStream, untilApplied, type ProjectionsRun } from './projections-run.ts';
import { emptyReadTables } from './read-database.ts';
import { rateOf } from './throughput.ts';

/** Has a profiled projector apply a backlog, and tells where it spends its time. Ends it. */
export async function profileProjector(
  { nats, db, databaseUrl }: ProjectionsRun,
  projector: ProjectorProcess,
  profileDir: string,
): Promise<Table> {
  const project = async (prefix: string, count: number): ReturnType<ProjectorProcess['follow']> => {
    const events = [...eventsOf(count, { customers: callers, inFlight })];
    const last = await fillStream(nats, prefix, events);
    await emptyReadTables(db);
    const stop = await projector.follow({ databaseUrl, prefix });
    await untilApplied(db, last);
    return stop;
  };
  await (
    await project('warm-', orders.warmUp)
  )(); // its code is compiled by then
  const projected = await (await project('profile-', orders.profiled))();
  await projector.end();

  const { perSecond, events } = rateOf([projected]);
  const from = projected.startedAtMicros;
  const to = projected.pages.at(-1)?.atMicros ?? from;
  const { items, busySeconds } = largestItems(await readProfiles(profileDir), { from, to }, profiledItems);
  return {
    title:
      `Profile of one projector at ${figure(perSecond)} events/s, ${figure(events / projected.pages.length)} events a ` +
      `page: its JavaScript was busy for ${figure(busySeconds)} s of ${figure((to - from) / 1e6)} s, ` +
      `${figure((1e6 * busySeconds) / events)} µs per event`,
    head: ['self time', '% of busy time'],
    rows: items.map(({ name, share }) => [`\`${name}\``, figure(share * 100)]),
  };
}
