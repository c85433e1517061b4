import { createTopology } from '../../domain/topology.ts';
import { publishInOrder } from '../../messaging/publish.ts';
import { ensureStream } from '../../messaging/stream.ts';
import { callers } from '../scenarios/accept.ts';
import { freshness, inFlight } from '../scenarios/projections.ts';
import { monotonicMicros } from '../measure/clock.ts';
import { openLoop } from '../measure/loops.ts';
import { percentile } from '../measure/statistics.ts';
import { figure } from '../measure/table.ts';
import type { LatencyCell } from '../relay/latency.ts';
import { eventsOf, messageOf } from './histories.ts';
import type { ProjectorProcess } from './projector-process.ts';
import { removeStream, untilApplied, type ProjectionsRun } from './projections-run.ts';
import type { Page } from './protocol.ts';
import { emptyReadTables } from './read-database.ts';

const WARM_UP_MS = 1_000;

/** From when the stream has acknowledged an event to the commit that makes it visible. @param perSecond events */
export async function measureFreshness(
  run: ProjectionsRun,
  projector: ProjectorProcess,
  perSecond: number,
): Promise<LatencyCell> {
  const { nats, db, databaseUrl, seconds, progress } = run;
  const prefix = 'fresh-';
  const topology = createTopology(prefix);
  await ensureStream(nats, topology);
  await emptyReadTables(db);
  const stop = await projector.follow({ databaseUrl, prefix });
  const published = new Map<string, number>();
  const events = eventsOf(Number.MAX_SAFE_INTEGER, { customers: callers, inFlight });
  let last = 0;
  const window = { warmUpMs: WARM_UP_MS, measureMs: seconds * 1_000, processes: {} };
  const warmAt = monotonicMicros() + WARM_UP_MS * 1_000;
  await openLoop(perSecond / freshness.eventsPerPage, window, async () => {
    const page = [...take(events, freshness.eventsPerPage)];
    const { lastSequence } = await publishInOrder(
      nats,
      page.map((event) => messageOf(event, topology)),
    );
    last = Math.max(last, lastSequence);
    const at = monotonicMicros();
    for (const { id } of page) published.set(id, at);
  });
  await untilApplied(db, last);
  const { pages } = await stop();
  await removeStream(nats, prefix);
  const counted = [...published].filter(([, at]) => at >= warmAt);
  const times = timesUntilVisible(new Map(counted), pages);
  const over = ((counted.at(-1)?.[1] ?? warmAt) - warmAt) / 1_000_000;
  const cell = { perSecond: times.length / over, p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
  progress(`visible after p50 ${figure(cell.p50)} ms, p99 ${figure(cell.p99)} ms of ${times.length} events`);
  return { what: `${figure(freshness.load * 100)} % of the highest load`, ...cell };
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
