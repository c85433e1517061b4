import type { OrderEvent } from '../../domain/events.ts';
import { callers } from '../scenarios/accept.ts';
import { copiesPerRound, inFlight, orders } from '../scenarios/projections.ts';
import { cpuOf, cpuPer } from '../measure/cpu.ts';
import { inTurn, type Measurement, type Side } from '../relay/rates.ts';
import type { Rate } from '../relay/relay-process.ts';
import { copyIn, prepareCopies, recordEvents, recordReadTables, type Recorded } from './copy.ts';
import { eventsOf } from './histories.ts';
import type { ProjectorProcess } from './projector-process.ts';
import { fillStream, removeStream, untilApplied, type ProjectionsRun } from './projections-run.ts';
import type { Projected } from './protocol.ts';
import type { Rebuilder } from './rebuilder.ts';
import { emptyReadTables } from './read-database.ts';

export const sides = {
  one: '1 projector',
  two: '2 projectors',
  rebuild: 'rebuild of all, compared and swapped',
  rows: 'COPY of the rows',
  events: 'COPY of the events as JSON',
} as const;

export interface Throughput {
  readonly rates: readonly Measurement[];
  readonly events: number;
  /** By table, when all is applied. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Projects a whole stream into empty tables, beside copying what these hold then. */
export async function measureThroughput(
  run: ProjectionsRun,
  projectors: readonly ProjectorProcess[],
  rebuilder: Rebuilder,
): Promise<Throughput> {
  const { nats, databaseUrl, progress, rounds } = run;
  const prefix = 'projected-';
  const events = [...eventsOf(orders.projected, { customers: callers, inFlight })];
  const last = await fillStream(nats, prefix, events);
  progress(`${events.length.toLocaleString('en')} events are in the stream`);
  await prepareCopies(databaseUrl);
  const project = (count: number) => projectAll(run, projectors.slice(0, count), prefix, last);
  await project(projectors.length); // their code is compiled by then
  await project(1);
  await rebuilder.rebuild({ databaseUrl, prefix });
  const recorded = await recordReadTables(databaseUrl);
  const body = recordEvents(events);
  const rates = await inTurn(
    [
      { what: sides.one, measure: () => project(1) },
      { what: sides.two, measure: () => project(2) },
      {
        what: sides.rebuild,
        measure: async () => {
          await project(1); // what is live then
          const before = cpuOf({ rebuild: rebuilder.pid, ...run.stores.processes });
          const seconds = await rebuilder.rebuild({ databaseUrl, prefix });
          const after = cpuOf({ rebuild: rebuilder.pid, ...run.stores.processes });
          return { perSecond: events.length / seconds, cpu: cpuPer(before, after, events.length) };
        },
      },
      copySide(run, sides.rows, recorded, events),
      copySide(run, sides.events, [body], events),
    ],
    (done) => done < rounds,
    progress,
  );
  await removeStream(nats, prefix);
  return {
    rates,
    events: events.length,
    rows: Object.fromEntries(recorded.map(({ table, rows }) => [table.name, rows])),
  };
}

/** From the start of the projectors, which have to share the partitions first, to the commit of the last page. */
async function projectAll(
  { db, databaseUrl, stores }: Pick<ProjectionsRun, 'db' | 'databaseUrl' | 'stores'>,
  projectors: readonly ProjectorProcess[],
  prefix: string,
  last: number,
): Promise<Rate> {
  await emptyReadTables(db);
  const processes = {
    ...Object.fromEntries(projectors.map(({ pid }, index) => [`projector ${index + 1}`, pid])),
    ...stores.processes,
  };
  const before = cpuOf(processes);
  const stops = await Promise.all(projectors.map((projector) => projector.follow({ databaseUrl, prefix })));
  await untilApplied(db, last);
  const after = cpuOf(processes);
  const projected = await Promise.all(stops.map((stop) => stop()));
  const { perSecond, events } = rateOf(projected);
  if (events !== last) throw new Error(`${events} events were applied of ${last}`);
  return { perSecond, cpu: cpuPer(before, after, events) };
}

/** Events that were applied by all together, from the start of the first to the last commit. */
export function rateOf(projected: readonly Projected[]): { perSecond: number; events: number } {
  const from = Math.min(...projected.map(({ startedAtMicros }) => startedAtMicros));
  const pages = projected.flatMap((each) => each.pages).filter(({ ids }) => ids.length > 0);
  const to = pages.reduce((latest, { atMicros }) => Math.max(latest, atMicros), from);
  const events = pages.reduce((sum, { ids }) => sum + ids.length, 0);
  return { events, perSecond: events / ((to - from) / 1_000_000) };
}

/** Its rate in events too: those that led to the rows. */
function copySide(
  { databaseUrl, stores }: ProjectionsRun,
  what: string,
  recorded: readonly Recorded[],
  events: readonly OrderEvent[],
): Side {
  return {
    what,
    measure: async () => {
      let seconds = 0;
      const before = cpuOf(stores.processes);
      for (let copy = 0; copy < copiesPerRound; copy++) seconds += await copyIn(databaseUrl, recorded);
      const count = copiesPerRound * events.length;
      return { perSecond: count / seconds, cpu: cpuPer(before, cpuOf(stores.processes), count) };
    },
  };
}
