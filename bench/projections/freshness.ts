import { createTopology } from '../../domain/topology.ts';
import { publishInOrder } from '../../messaging/publish.ts';
import { callers } from '../scenarios/accept.ts';
import { freshness, inFlight, orders } from '../scenarios/projections.ts';
import { monotonicMicros } from '../measure/clock.ts';
import { openLoop } from '../measure/loops.ts';
import { percentile } from '../measure/statistics.ts';
import { figure } from '../measure/table.ts';
import type { LatencyCell } from '../relay/latency.ts';
import { eventsOf, messageOf } from './histories.ts';
import type { ProjectorProcess } from './projector-process.ts';
import { fillStream, removeStream, untilApplied, type ProjectionsRun } from './projections-run.ts';
import type { Page } from './protocol.ts';
import { emptyReadTables } from './read-database.ts';
import type { Rebuilder } from './rebuilder.ts';

export const situations = {
  halfLoad: 'half load',
  moderate: 'moderate load',
  rebuilding: 'moderate load, all projections being rebuilt',
} as const;

const WARM_UP_MS = 1_000;
const PREFIX = 'fresh-';

/**
 * From when the stream has acknowledged an event to the commit that makes it visible, in tables that hold a history.
 * @param highest events per second that a projector can apply
 */
export async function measureFreshness(
  run: ProjectionsRun,
  projector: ProjectorProcess,
  rebuilder: Rebuilder,
  highest: number,
): Promise<LatencyCell[]> {
  const { nats, db, databaseUrl } = run;
  const route = { databaseUrl, prefix: PREFIX };
  const history = eventsOf(orders.projected, { customers: callers, inFlight });
  const last = await fillStream(nats, PREFIX, [...history]);
  await emptyReadTables(db);
  const stop = await projector.follow(route);
  await untilApplied(db, last);
  const { load } = freshness;
  const loads: Load[] = [
    await publishAtRate(run, situations.halfLoad, highest * load.half),
    await publishAtRate(run, situations.moderate, highest * load.moderate),
    await whileRebuilding(
      () => rebuilder.rebuild(route),
      () => publishAtRate(run, situations.rebuilding, highest * load.moderate),
    ),
  ];
  const { pages } = await stop();
  await removeStream(nats, PREFIX);
  return loads.map((each) => cellOf(run, each, pages));
}

/** One rebuild after the other; the last one ends after what is measured beside it. */
async function whileRebuilding<T>(rebuild: () => Promise<unknown>, act: () => Promise<T>): Promise<T> {
  const over = new AbortController();
  const rebuilding = (async () => {
    while (!over.signal.aborted) await rebuild();
  })();
  const acting = act().finally(() => {
    over.abort();
  });
  const [acted] = await Promise.all([acting, rebuilding]);
  return acted;
}

interface Load {
  readonly what: string;
  /** When each event was acknowledged, by its id; without those of the warm-up. */
  readonly published: ReadonlyMap<string, number>;
  readonly seconds: number;
}

async function publishAtRate(run: ProjectionsRun, what: string, perSecond: number): Promise<Load> {
  const topology = createTopology(PREFIX);
  const events = eventsOf(Number.MAX_SAFE_INTEGER, { customers: callers, inFlight });
  const published = new Map<string, number>();
  let last = 0;
  const window = { warmUpMs: WARM_UP_MS, measureMs: run.seconds * 1_000, processes: {} };
  const warmAt = monotonicMicros() + WARM_UP_MS * 1_000;
  await openLoop(perSecond / freshness.eventsPerPage, window, async () => {
    const page = [...take(events, freshness.eventsPerPage)];
    const { lastSequence } = await publishInOrder(
      run.nats,
      page.map((event) => messageOf(event, topology)),
    );
    const at = monotonicMicros();
    last = Math.max(last, lastSequence);
    if (at >= warmAt) for (const { id } of page) published.set(id, at);
  });
  await untilApplied(run.db, last);
  return { what, published, seconds: (Math.max(...published.values()) - warmAt) / 1_000_000 };
}

function cellOf(
  { progress }: ProjectionsRun,
  { what, published, seconds }: Load,
  pages: readonly Page[],
): LatencyCell {
  const times = timesUntilVisible(published, pages);
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  progress(`${what}: visible after p50 ${figure(p50)} ms, p99 ${figure(p99)} ms of ${times.length} events`);
  return { what, perSecond: times.length / seconds, p50, p99 };
}

/** Milliseconds of each event; one that was seen before its publisher knew that it was stored took no time. */
export function timesUntilVisible(published: ReadonlyMap<string, number>, pages: readonly Page[]): number[] {
  const times = pages.flatMap(({ atMicros, ids }) =>
    ids.flatMap((id) => {
      const at = published.get(id);
      return at === undefined ? [] : [Math.max(0, atMicros - at) / 1_000];
    }),
  );
  if (times.length !== published.size)
    throw new Error(`${times.length} of ${published.size} published events became visible`);
  return times;
}

function* take<T>(from: Iterator<T, unknown>, count: number): Generator<T> {
  for (let taken = 0; taken < count; taken++) {
    const next = from.next();
    if (next.done === true) return;
    yield next.value;
  }
}
