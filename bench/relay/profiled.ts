import { largestItems, readProfiles } from '../measure/profile.ts';
import { percentile } from '../measure/statistics.ts';
import { figure, type Table } from '../measure/table.ts';
import { events, profiled } from '../scenarios/relay.ts';
import { halfOf, timesAt } from './latency.ts';
import { fill } from './outbox.ts';
import type { Wait } from './protocol.ts';
import { routeTo, withStream, type RelayRun } from './relay-run.ts';

/** Has a profiled process relay, and tells where its threads spend their time. Ends the process. */
export const profileRelay = (run: RelayRun, profileDir: string): Promise<Table[]> =>
  withStream(run, 'profile-', async (prefix) => {
    const route = await routeTo(run, 'profile', prefix);
    const relay = async (count: number): ReturnType<typeof run.relays.rate> => {
      await fill(route.databaseUrl, count);
      return run.relays.rate({ ask: 'relay', route, events: count });
    };
    await relay(events.drained); // its code is compiled by then
    const { rate, period, waits } = await relay(profiled.events);
    const load = await timesAt(run, route, halfOf(rate.perSecond));
    await run.relays.end();

    const { items, busySeconds } = largestItems(await readProfiles(profileDir), period, profiled.items);
    const seconds = (period.to - period.from) / 1_000_000;
    return [
      {
        title:
          `Profile of one relay at ${figure(rate.perSecond)} events/s: its JavaScript was busy for ` +
          `${figure(busySeconds)} s of ${figure(seconds)} s`,
        head: ['self time', '% of busy time'],
        rows: items.map(({ name, share }) => [`\`${name}\``, figure(share * 100)]),
      },
      waitTable('What it waited for', waits, seconds),
      waitTable(
        `What it waited for at ${figure(load.times.length / load.seconds)} events/s, p50 ` +
          `${figure(percentile(load.times, 0.5))} ms, p99 ${figure(percentile(load.times, 0.99))} ms`,
        load.waits,
        load.seconds,
      ),
    ];
  });

const waitTable = (title: string, waits: readonly Wait[], seconds: number): Table => ({
  title,
  head: ['', 'times', 'ms each', '% of the time'],
  rows: waits.map((wait) => [
    `\`${wait.what}\``,
    String(wait.times),
    figure((1_000 * wait.seconds) / wait.times),
    figure((100 * wait.seconds) / seconds),
  ]),
});
