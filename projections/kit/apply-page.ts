import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { createFold, type Fold } from './fold.ts';
import { withPartition, type Projection } from './projection.ts';
import { addTo, selectByKey, upsert, type ReadSchema } from './statements.ts';
import { decodeRow } from './table.ts';

/** An event that came without the one before it, which an operator of the outbox may have discarded. */
export interface Gap {
  readonly event: DomainEvent;
  /** The version that should have been next. */
  readonly expected: number;
}

/**
 * Folds a page of events into the tables of projections, within the caller's transaction: each table is read once and
 * written once. An event is applied to all projections or to none. Events that are in already change nothing; those of
 * an aggregate whose beginning is missing are left out.
 * @returns what came without the event before it
 */
export async function applyPage(
  trx: Knex.Transaction,
  projections: readonly Projection[],
  events: readonly DomainEvent[],
  schema: ReadSchema = 'read',
): Promise<Gap[]> {
  const folds: { projection: Projection; fold: Fold }[] = [];
  for (const projection of projections)
    folds.push({ projection, fold: createFold(projection, await statesOf(trx, projection, events, schema)) });
  const gaps: Gap[] = [];
  for (const event of events) {
    const prepared = folds.map(({ fold }) => fold.prepare(event));
    for (const { expected, apply } of prepared) {
      apply();
      if (expected !== undefined) gaps.push({ event, expected });
    }
  }
  for (const { projection, fold } of folds) await save(trx, projection, fold, schema);
  return gaps;
}

async function statesOf(
  trx: Knex.Transaction,
  { aggregates, state }: Projection,
  events: readonly DomainEvent[],
  schema: ReadSchema,
): Promise<Map<string, Record<string, unknown>>> {
  const keys = new Set<string>();
  for (const { aggregateType, aggregateId } of events)
    if (aggregates.includes(aggregateType)) keys.add(aggregateId);
  if (keys.size === 0) return new Map();
  const statement = selectByKey(schema, state);
  const { rows } = await trx.raw<{ rows: Record<string, unknown>[] }>(statement, { keys: [...keys] });
  const [key = ''] = state.key;
  return new Map(rows.map((row) => [String(row[key]), decodeRow(state, row)]));
}

async function save(
  trx: Knex.Transaction,
  { state }: Projection,
  fold: Fold,
  schema: ReadSchema,
): Promise<void> {
  const states = fold.changed();
  if (states.length > 0) await trx.raw(upsert(schema, state), { rows: JSON.stringify(states) });
  for (const { table, rows } of fold.differences())
    if (rows.length > 0) await trx.raw(addTo(schema, withPartition(table)), { rows: JSON.stringify(rows) });
}
