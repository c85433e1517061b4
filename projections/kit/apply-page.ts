import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Knex } from '../../db/connection.ts';
import { isRefusedData } from '../../db/database-failures.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { createFold, type Fold } from './fold.ts';
import { ProjectionError } from './projection-error.ts';
import { withPartition, type Projection } from './projection.ts';
import { addTo, selectByKey, upsert, type ReadSchema } from './statements.ts';
import type { States } from './states.ts';
import { decodeRow } from './table.ts';

/** An event that came without the one before it, which an operator of the outbox may have discarded. */
export interface Gap {
  readonly event: DomainEvent;
  /** The version that should have been next. */
  readonly expected: number;
}

/** What became of the events of a page. */
interface FoldedPage {
  readonly gaps: readonly Gap[];
  readonly applied: readonly DomainEvent[];
  /** Events that a projection cannot fold: the first one of each aggregate. Nothing has changed for them. */
  readonly failed: readonly { readonly event: DomainEvent; readonly error: ProjectionError }[];
  /** Later events of the same aggregates, which are left out as well. */
  readonly behind: readonly DomainEvent[];
}

interface Into {
  /** `read` when absent. */
  readonly schema?: ReadSchema;
  /** Where states are looked for before they are read; they are to be forgotten when the transaction does not commit. */
  readonly states?: States | undefined;
  /** Called once, while PostgreSQL works: for what would otherwise be done before or after. */
  readonly meanwhile?: (() => void) | undefined;
}

/**
 * Folds a page of events into the tables of projections, within the caller's transaction: each table is read once and
 * written once. An event is applied to all projections or to none. Events that are in already change nothing; those of
 * an aggregate whose beginning is missing are left out.
 * @returns what came without the event before it
 * @throws ProjectionError for an event, or rows, that a projection or the database does not take
 */
export async function applyPage(
  trx: Knex.Transaction,
  projections: readonly Projection[],
  events: readonly DomainEvent[],
  into?: Into,
): Promise<readonly Gap[]> {
  const { gaps, failed } = await applyFoldable(trx, projections, events, into);
  if (failed[0]) throw failed[0].error;
  return gaps;
}

/**
 * The same, but an event that cannot be folded stops its own aggregate alone.
 * @throws ProjectionError for rows that the database does not take: which event made them is not known
 */
export async function applyFoldable(
  trx: Knex.Transaction,
  projections: readonly Projection[],
  events: readonly DomainEvent[],
  { schema = 'read', states, meanwhile }: Into = {},
): Promise<FoldedPage> {
  const folds: Folding[] = [];
  for (const projection of projections)
    folds.push({
      projection,
      fold: createFold(projection, await statesOf(trx, projection, events, { schema, states })),
    });
  const gaps: Gap[] = [];
  const applied: DomainEvent[] = [];
  const failed: { event: DomainEvent; error: ProjectionError }[] = [];
  const behind: DomainEvent[] = [];
  const stopped = new Set<string>();
  for (const event of events) {
    if (stopped.has(event.aggregateId)) {
      behind.push(event);
      continue;
    }
    try {
      const changes = folds.map(({ projection, fold }) => ({
        fold,
        prepared: blaming(projection, () => fold.prepare(event)),
      }));
      for (const { fold, prepared } of changes) {
        fold.take(prepared);
        if (prepared.expected !== undefined) gaps.push({ event, expected: prepared.expected });
      }
      applied.push(event);
    } catch (error) {
      if (!(error instanceof ProjectionError)) throw error;
      failed.push({ event, error });
      stopped.add(event.aggregateId);
    }
  }
  await save(trx, folds, schema, meanwhile);
  if (states) for (const each of folds) keepIn(states, each);
  return { gaps, applied, failed, behind };
}

type Row = Record<string, unknown>;

interface Folding {
  readonly projection: Projection;
  readonly fold: Fold;
}

async function statesOf(
  trx: Knex.Transaction,
  projection: Projection,
  events: readonly DomainEvent[],
  { schema, states }: Into & { readonly schema: ReadSchema },
): Promise<Map<string, Row>> {
  const { name, aggregates, state } = projection;
  const found = new Map<string, Row>();
  const missing = new Set<string>();
  for (const { aggregateType, aggregateId } of events) {
    if (!aggregates.includes(aggregateType) || found.has(aggregateId)) continue;
    const kept = states?.find(name, aggregateId);
    if (kept) found.set(aggregateId, kept);
    else missing.add(aggregateId);
  }
  if (missing.size === 0) return found;
  const keys = [...missing];
  for (const row of await query<Row>(trx, projection, selectByKey(schema, state), { keys }))
    found.set(keyIn(projection, row), decodeRow(state, row));
  return found;
}

function keepIn(states: States, { projection, fold }: Folding): void {
  for (const row of fold.changed()) states.keep(projection.name, keyIn(projection, row), row);
}

const keyIn = ({ state: { key } }: Projection, row: Row): string => String(row[key[0] ?? '']);

/** Writes table after table: the rows of one are made while PostgreSQL takes those of the one before. */
async function save(
  trx: Knex.Transaction,
  folds: readonly Folding[],
  schema: ReadSchema,
  meanwhile: (() => void) | undefined,
): Promise<void> {
  let todo = meanwhile;
  let written: Promise<unknown> = Promise.resolve();
  try {
    for (const { projection, statement, rows } of writesOf(folds, schema)) {
      await written;
      written = query(trx, projection, statement, { rows });
      await Promise.race([written, nextTurn()]); // it is on its way then
      todo?.();
      todo = undefined;
    }
  } finally {
    await written;
  }
}

function* writesOf(
  folds: readonly Folding[],
  schema: ReadSchema,
): Generator<{ projection: Projection; statement: string; rows: string }> {
  for (const { projection, fold } of folds) {
    const tables = [
      { statement: upsert(schema, projection.state), rows: fold.changed() },
      ...blaming(projection, () => fold.differences()).map(({ table, rows }) => ({
        statement: addTo(schema, withPartition(table)),
        rows,
      })),
    ];
    for (const { statement, rows } of tables)
      if (rows.length > 0)
        yield { projection, statement, rows: blaming(projection, () => JSON.stringify(rows)) };
  }
}

/** @throws ProjectionError where the projection's own functions throw */
function blaming<T>({ name }: Projection, compute: () => T): T {
  try {
    return compute();
  } catch (error) {
    throw new ProjectionError(name, error);
  }
}

/** @throws ProjectionError where the database refuses the data; what else fails passes as it is */
async function query<Row>(
  trx: Knex.Transaction,
  { name }: Projection,
  statement: string,
  bindings: Record<string, string | string[]>,
): Promise<Row[]> {
  try {
    const { rows } = await trx
      .raw<{ rows: Row[] }>(statement, bindings)
      .options({ name: preparedAs(statement) });
    return rows;
  } catch (error) {
    throw isRefusedData(error) ? new ProjectionError(name, error) : error;
  }
}

const statementNames = new Map<string, string>();

/** Under this name a connection prepares a statement once: for a small page, planning it costs as much as carrying it out. */
function preparedAs(statement: string): string {
  const name = statementNames.get(statement) ?? `projections-${statementNames.size}`;
  statementNames.set(statement, name);
  return name;
}
