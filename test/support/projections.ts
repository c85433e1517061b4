import assert from 'node:assert/strict';
import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { applyPage } from '../../projections/kit/apply-page.ts';
import { createFold } from '../../projections/kit/fold.ts';
import type { Projection } from '../../projections/kit/projection.ts';
import { projections } from '../../projections/projections.ts';

type Row = Record<string, unknown>;

/** Folds events into all read tables as one page. */
export const applyEvents = (db: Knex, events: readonly DomainEvent[]): Promise<unknown> =>
  db.transaction((trx) => applyPage(trx, projections, events));

/**
 * What pages of events leave in a projection's tables, without a database. Rows of figures that are all zero are left
 * out, as is their partition.
 * @returns rows by table, states in the order in which they came, figures by their key
 */
export function tablesAfter(
  projection: Projection,
  ...pages: readonly (readonly DomainEvent[])[]
): Record<string, Row[]> {
  const states = new Map<string, Row>();
  const sums = new Map((projection.figures ?? []).map(({ table }) => [table.name, new Map<string, Row>()]));
  const [stateKey = ''] = projection.state.key;
  for (const page of pages) {
    const fold = createFold(projection, new Map(states));
    for (const event of page) fold.take(fold.prepare(event));
    for (const { table, rows } of fold.differences()) {
      const key: readonly string[] = table.key;
      for (const { partition: _partition, ...row } of rows)
        addRow(sums.get(table.name)!, JSON.stringify(key.map((field) => row[field])), row, key);
    }
    for (const state of fold.changed()) states.set(String(state[stateKey]), state);
  }
  return {
    [projection.state.name]: [...states.values()],
    ...Object.fromEntries(
      (projection.figures ?? []).map(({ table }) => [
        table.name,
        withoutZeros(sums.get(table.name)!, table.key),
      ]),
    ),
  };
}

/**
 * `given(customers).when(events).then({ customers: [{ orders: 1 }] })`: what a projection makes of events, without a
 * database. Rows are compared in the fields that are named; tables that are not named are passed over.
 */
export const given = (projection: Projection): { when: (...pages: readonly Page[]) => Outcome } => ({
  when: (...pages) => {
    const tables = tablesAfter(projection, ...pages);
    return {
      then: (expected) => {
        for (const [table, rows] of Object.entries(expected)) {
          const found = tables[table];
          assert.ok(found, `${projection.name} has no table ${table}`);
          assert.deepEqual(
            found.map((row, index) => picked(row, Object.keys(rows[index] ?? row))),
            rows,
          );
        }
      },
    };
  },
});

type Page = readonly DomainEvent[];
interface Outcome {
  then(expected: Readonly<Record<string, readonly Row[]>>): void;
}

const picked = (row: Row, fields: readonly string[]): Row =>
  Object.fromEntries(fields.map((field) => [field, row[field]]));

function addRow(sums: Map<string, Row>, id: string, row: Row, key: readonly string[]): void {
  const before = sums.get(id);
  sums.set(
    id,
    Object.fromEntries(
      Object.entries(row).map(([field, value]) => [
        field,
        key.includes(field) ? value : Number(before?.[field] ?? 0) + Number(value),
      ]),
    ),
  );
}

const withoutZeros = (rows: ReadonlyMap<string, Row>, key: readonly string[]): Row[] =>
  [...rows]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, row]) => row)
    .filter((row) => Object.entries(row).some(([field, value]) => !key.includes(field) && value !== 0));
