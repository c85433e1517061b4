import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { applyPage } from '../kit/apply-page.ts';
import { tablesOf, type Projection } from '../kit/projection.ts';
import { createTable, type ReadSchema } from '../kit/statements.ts';
import { createStates, type States } from '../kit/states.ts';
import { columnOf } from '../kit/table.ts';
import { loadParked, sift, type Candidate } from './parked.ts';
import { furthest, livePositions, spanOf, type Sequences } from './positions.ts';
import type { Progress } from './progress.ts';
import type { Source } from './source.ts';
import { eventsBetween } from './stream-source.ts';

/** Tables that are made, or kept, beside the live ones. */
export interface Target {
  readonly projections: readonly Projection[];
  readonly schema: ReadSchema;
}

/** What is applied to a target. */
export interface Applied {
  readonly sequences: Sequences;
  /** Aggregates of which the first event is missing, so that they are not shown. Only counted for a source with gaps. */
  readonly headless: Set<string>;
  /** Events up to there that are not applied, because they are not in the live tables either. */
  readonly withheld: readonly Candidate[];
}

/** Makes empty tables in `read_next`; what an earlier build has left there is dropped. */
export async function createTables(db: Knex, projections: readonly Projection[]): Promise<void> {
  await dropTables(db, projections);
  for (const table of projections.flatMap(tablesOf)) {
    // Indexes are made when everything is in, which is faster.
    const [create = ''] = createTable('read_next', table);
    await db.raw(create);
  }
}

export async function dropTables(db: Knex, projections: readonly Projection[]): Promise<void> {
  for (const { name } of projections.flatMap(tablesOf))
    await db.raw('drop table if exists ??.??', ['read_next', name]);
}

/** Makes the indexes, and counts the rows, so that the first queries after a swap are planned as those before. */
export async function finishTables(db: Knex, projections: readonly Projection[]): Promise<void> {
  for (const table of projections.flatMap(tablesOf)) {
    const [, ...indexes] = createTable('read_next', table);
    await db.transaction(async (trx) => {
      await trx.raw('set local statement_timeout = 0');
      for (const index of indexes) await trx.raw(index);
      await trx.raw('analyze ??.??', ['read_next', table.name]);
    });
  }
}

/** Folds what the outbox holds from before the stream's first message. */
export async function foldOutbox(
  db: Knex,
  target: Target,
  source: Source,
  progress: Progress,
): Promise<Applied> {
  const headless = new Set<string>();
  const folded = { ...target, states: createStates() };
  const withheld: Candidate[] = [];
  const parked = await loadParked(db, source.stream?.created);
  let done = 0;
  if (source.outbox)
    for await (const candidates of source.outbox) {
      const sifted = sift(candidates, parked);
      withheld.push(...sifted.withheld);
      await foldPage(db, folded, sifted.events, source.incomplete === undefined ? undefined : headless);
      done += candidates.length;
      progress.moved(done, undefined);
    }
  return { sequences: source.begin, headless, withheld };
}

/**
 * Folds the stream up to where the live tables are, page by page, and again what these have gained meanwhile, until
 * few messages are left. Never further: all live projections are at the same place of each partition.
 */
export async function foldStream(
  db: Knex,
  target: Target,
  source: Source,
  { sequences, headless, withheld }: Applied,
  { pageSize, progress }: { readonly pageSize: number; readonly progress: Progress },
): Promise<Applied> {
  const ends = source.incomplete === undefined ? undefined : headless;
  // A page that fails ends the build, and nothing goes on with what is in here.
  const folded = { ...target, states: createStates() };
  let from = sequences;
  let waiting = withheld;
  let done = 0;
  const begin = spanOf(from, furthest(from, (await livePositions(db)).sequences))?.after ?? 0;
  for (let pass = 1; source.stream; pass++) {
    const to = furthest(from, (await livePositions(db)).sequences);
    // Looked up after the places: what is parked up to there can only have become less.
    const parked = await loadParked(db, source.stream.created);
    const span = spanOf(from, to);
    // Whoever is no faster than the live tables is told so by the swap.
    if (pass > 1 && (!span || span.last - span.after < FEW || pass > MOST_PASSES)) break;
    // First what an operator has let go on, then what came later.
    const released = sift(waiting, parked);
    await foldPage(db, folded, released.events, ends);
    const left = [...released.withheld];
    const pages = eventsBetween(source.stream, from, to, { pageSize });
    for await (const { candidates, sequence, prepareNext } of pages) {
      const sifted = sift(candidates, parked);
      left.push(...sifted.withheld);
      await foldPage(db, { ...folded, meanwhile: prepareNext }, sifted.events, ends);
      done += candidates.length;
      if (span) progress.moved(done, (sequence - begin) / (span.last - begin));
    }
    waiting = left;
    from = to;
  }
  return { sequences: from, headless, withheld: waiting };
}

/** So many are folded in a moment while projectors wait. */
const FEW = 200;
const MOST_PASSES = 20;

async function foldPage(
  db: Knex,
  { projections, ...into }: Target & { readonly states: States; readonly meanwhile?: () => void },
  events: readonly DomainEvent[],
  headless: Set<string> | undefined,
): Promise<void> {
  if (events.length === 0) return;
  await db.transaction(async (trx) => {
    // Folded again after a crash, not missed: nothing has to be on disk before the tables are swapped.
    await trx.raw('set local synchronous_commit = off');
    await applyPage(trx, projections, events, into);
    if (!headless) return;
    for (const projection of projections)
      for (const id of await withoutState(trx, projection, into.schema, events)) headless.add(id);
  });
}

/** Aggregates that have no row after their events were applied. */
async function withoutState(
  trx: Knex.Transaction,
  { aggregates, state }: Projection,
  schema: ReadSchema,
  events: readonly DomainEvent[],
): Promise<string[]> {
  const ids = new Set(
    events
      .filter(({ aggregateType }) => aggregates.includes(aggregateType))
      .map(({ aggregateId }) => aggregateId),
  );
  const [key = ''] = state.key;
  const column = columnOf(key);
  const rows: { id: string }[] = await trx(`${schema}.${state.name}`)
    .whereIn(column, [...ids])
    .select({ id: column });
  const known = new Set(rows.map(({ id }) => id));
  return [...ids].filter((id) => !known.has(id));
}

/**
 * Folds the last events up to exactly these places, within the caller's transaction, and those that wait no more.
 * @returns the events that are not applied. @throws TooSlowError
 */
export async function catchUp(
  trx: Knex.Transaction,
  { projections, schema }: Target,
  { stream }: Source,
  { sequences, withheld }: Pick<Applied, 'sequences' | 'withheld'>,
  to: Sequences,
  limits: { readonly pageSize: number; readonly withinMs?: number },
): Promise<readonly Candidate[]> {
  if (!stream) return withheld;
  const parked = await loadParked(trx, stream.created);
  const released = sift(withheld, parked);
  if (released.events.length > 0) await applyPage(trx, projections, released.events, { schema });
  const left = [...released.withheld];
  // Read while the transaction is open, as it has to be: only what it holds or sees tells up to where.
  for await (const { candidates } of eventsBetween(stream, sequences, to, limits)) {
    const sifted = sift(candidates, parked);
    left.push(...sifted.withheld);
    await applyPage(trx, projections, sifted.events, { schema });
  }
  return left;
}
