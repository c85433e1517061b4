import { setTimeout as pause } from 'node:timers/promises';
import { connect } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { backlogOf } from '../../db/outbox/window.ts';
import { createTopology } from '../../domain/topology.ts';
import { connectMessaging } from '../../messaging/connection.ts';
import { createNudge } from '../../messaging/nudge.ts';
import { newId } from '../../platform/clock.ts';
import { createLogger } from '../../platform/logger.ts';
import { isCaughtUp } from '../../test/support/caught-up.ts';
import { eventually } from '../../test/support/eventually.ts';
import { monotonicMicros } from '../measure/clock.ts';
import { closedLoop, openLoop } from '../measure/loops.ts';
import { percentile } from '../measure/statistics.ts';
import { figure } from '../measure/table.ts';
import { latency } from '../scenarios/relay.ts';
import { appendEvents } from './outbox.ts';
import { oneAtATime, WARM_UP_MS, windowOf } from './pace.ts';
import type { Arrival, Coming, Route, Wait } from './protocol.ts';
import { routeTo, withStream, type RelayRun } from './relay-run.ts';

export const situations = {
  idleLimit: 'idle, from memory',
  idle: 'idle, one event at a time',
  highest: 'highest load that it keeps up with',
  halfLoadLimit: 'half load, from memory',
  halfLoad: 'half load',
} as const;

/** A round: milliseconds. */
export interface LatencyCell {
  readonly what: string;
  /** Events. */
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** A transaction that appended events of one aggregate; the time is when its writer knew that it was committed. */
export interface Commit {
  readonly aggregateId: string;
  readonly events: number;
  readonly atMicros: number;
}

/** How often it is looked how far the relay is behind, in ms. */
const LOOK_MS = 20;

/** Commit → acknowledged by the stream. */
export const measureLatency = (run: RelayRun): Promise<LatencyCell[]> =>
  withStream(run, 'latency-', async (prefix) => {
    const route = await routeTo(run, 'latency', prefix);
    const cells: LatencyCell[] = [];
    for (let round = 0; round < run.rounds; round++) {
      const singles = await run.relays.timeSingly(prefix, run.seconds);
      cells.push(cellOf(run, situations.idleLimit, { times: singles, seconds: run.seconds }));
      cells.push(await measureIdleLatency(run, route, situations.idle));
      const highest = cellOf(run, situations.highest, await atHighestLoad(run, route));
      cells.push(highest);
      const load = halfOf(highest.perSecond);
      const coming = await run.relays.timeComing(prefix, { ...load, seconds: run.seconds });
      cells.push(cellOf(run, situations.halfLoadLimit, { times: coming, seconds: run.seconds }));
      cells.push(cellOf(run, situations.halfLoad, await timesAt(run, route, load)));
    }
    return cells;
  });

/** Single events that meet a relay with nothing to do. */
export const measureIdleLatency = async (run: RelayRun, route: Route, what: string): Promise<LatencyCell> =>
  cellOf(run, what, await timesWhile(run, route, (write) => oneAtATime(run.seconds, () => write(1))));

/** Writers without a pause but while the relay is behind: what they and the relay can do beside each other. */
async function atHighestLoad(run: RelayRun, route: Route): Promise<Times> {
  const db = connect({ url: route.databaseUrl, poolSize: 1, applicationName: 'bench-watcher' });
  const stopping = new AbortController();
  let behind = 0;
  const looking = (async () => {
    while (!stopping.signal.aborted) {
      behind = (await backlogOf(db, { schema: OUTBOX_SCHEMA, shard: 0 })).rows;
      await pause(LOOK_MS);
    }
  })();
  const times = await timesWhile(run, route, (write) =>
    closedLoop(latency.writers, windowOf(run.seconds), async () => {
      while (behind > latency.mostBehind) await pause(LOOK_MS);
      await write(latency.eventsPerTransaction);
      return true;
    }),
  );
  stopping.abort();
  await looking;
  await db.destroy();
  return times;
}

type Load = Omit<Coming, 'seconds'>;

/** @param perSecond events */
export const halfOf = (perSecond: number): Load => ({
  perSecond: perSecond * latency.load,
  together: latency.eventsPerTransaction,
});

/** Writers that do not wait for the relay. */
export const timesAt = (run: RelayRun, route: Route, { perSecond, together }: Load): Promise<Times> =>
  timesWhile(run, route, (write) =>
    openLoop(perSecond / together, windowOf(run.seconds), () => write(together)),
  );

function cellOf({ progress }: RelayRun, what: string, { times, seconds }: Omit<Times, 'waits'>): LatencyCell {
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  progress(`${what}: p50 ${figure(p50)} ms, p99 ${figure(p99)} ms of ${times.length} events`);
  return { what, perSecond: times.length / seconds, p50, p99 };
}

interface Times {
  /** Milliseconds of each event. */
  readonly times: readonly number[];
  /** In which they were committed. */
  readonly seconds: number;
  /** Of the relay. */
  readonly waits: readonly Wait[];
}

/** Commits so many events and wakes the relay, as the application does. */
type Write = (events: number) => Promise<void>;

/** Has a relay run while there are writers. @returns the times after the warm-up */
async function timesWhile(
  { stores, relays }: RelayRun,
  route: Route,
  writing: (write: Write) => Promise<unknown>,
): Promise<Times> {
  const db = connect({ url: route.databaseUrl, poolSize: latency.writers, applicationName: 'bench-writer' });
  const messaging = connectMessaging({
    url: stores.natsUrl,
    name: 'writer',
    logger: createLogger('writer', 'error'),
  });
  await messaging.firstConnection;
  const nudge = createNudge(messaging, createTopology(route.prefix));
  const commits: Commit[] = [];
  const stop = await relays.follow(route);
  const warmAt = monotonicMicros() + WARM_UP_MS * 1_000;
  await writing(async (events) => {
    const aggregateId = newId();
    await appendEvents(db, aggregateId, events);
    commits.push({ aggregateId, events, atMicros: monotonicMicros() });
    nudge([0]);
  });
  await eventually(async () => (await isCaughtUp(db, OUTBOX_SCHEMA)) || undefined, {
    what: 'the relay has caught up',
    withinMs: 60_000,
  });
  const { arrivals, waits } = await stop();
  await Promise.all([db.destroy(), messaging.close()]);
  const counted = commits.filter(({ atMicros }) => atMicros >= warmAt);
  const seconds = ((counted.at(-1)?.atMicros ?? warmAt) - warmAt) / 1_000_000;
  return { times: timesBetween(counted, arrivals), seconds, waits };
}

/**
 * Milliseconds from the commit to the arrival of each event; a writer may hear of its commit after the stream has
 * the event, which counts as nothing. @throws Error when an event did not arrive.
 */
export function timesBetween(commits: readonly Commit[], arrivals: readonly Arrival[]): number[] {
  const byAggregate = new Map<string, Arrival[]>();
  for (const arrival of arrivals) {
    const others = byAggregate.get(arrival.aggregateId);
    if (others) others.push(arrival);
    else byAggregate.set(arrival.aggregateId, [arrival]);
  }
  return commits.flatMap(({ aggregateId, events, atMicros: committedAt }) => {
    const times = (byAggregate.get(aggregateId) ?? []).flatMap(({ events: arrived, atMicros }) =>
      Array.from({ length: arrived }, () => Math.max(0, atMicros - committedAt) / 1_000),
    );
    if (times.length !== events)
      throw new Error(`${times.length} of ${events} events of ${aggregateId} arrived`);
    return times;
  });
}
