import type { DomainEvent } from '../../domain/events.ts';
import { partitionOf } from '../../domain/topology.ts';
import type { Projection } from './projection.ts';
import type { AnyTable } from './table.ts';

type Row = Record<string, unknown>;

/** Events folded into a projection's state, in memory: what is to be written when all of them are in. */
export interface Fold {
  /**
   * Works out what an event changes, and changes nothing yet. @throws whatever the projection throws for an event that
   * it cannot apply
   */
  prepare(event: DomainEvent): Prepared;
  /** Makes it so. */
  take(prepared: Prepared): void;
  /** The states that are not what they were. */
  changed(): Row[];
  /** What is to be added to each table of figures; rows without a difference are left out. */
  differences(): { table: AnyTable; rows: Row[] }[];
}

interface Prepared {
  readonly aggregateId: string;
  /** The state after the event; undefined when it changes nothing. */
  readonly state: Row | undefined;
  /** The version that should have come, where an earlier event is missing. */
  readonly expected: number | undefined;
}

const nothingOf = (aggregateId: string): Prepared => ({ aggregateId, state: undefined, expected: undefined });

/** @param before the states that the events are about, by aggregate id */
export function createFold(spec: Projection, before: ReadonlyMap<string, Row>): Fold {
  const after = new Map<string, Row>(before);
  return {
    prepare: (event) => {
      const { aggregateId } = event;
      if (!spec.aggregates.includes(event.aggregateType)) return nothingOf(aggregateId);
      const was = after.get(aggregateId);
      const version = was === undefined ? 0 : spec.versionIn(was, event);
      if (event.aggregateVersion <= version) return nothingOf(aggregateId);
      const isGap = spec.everyVersion === true && event.aggregateVersion > version + 1;
      return { aggregateId, state: spec.evolve(was, event), expected: isGap ? version + 1 : undefined };
    },
    take: ({ aggregateId, state }) => {
      if (state !== undefined) after.set(aggregateId, state);
    },
    changed: () => [...after].filter(([id, state]) => before.get(id) !== state).map(([, state]) => state),
    differences: () =>
      (spec.figures ?? []).map((sums) => ({
        table: sums.table,
        rows: difference(sums, before, after),
      })),
  };
}

type Sums = NonNullable<Projection['figures']>[number];

/** Exact: digits as a text, which PostgreSQL takes as well, where a number would be rounded. */
function plus(sum: unknown, value: unknown, sign: 1 | -1): number | string {
  const rounded = Number(sum) + sign * Number(value);
  if (typeof sum === 'number' && typeof value === 'number' && Number.isSafeInteger(rounded)) return rounded;
  const exact = BigInt(sum as number | string) + BigInt(sign) * BigInt(value as number | string);
  return Number.isSafeInteger(Number(exact)) ? Number(exact) : String(exact);
}

function difference(
  { table, of, rollUp }: Sums,
  before: ReadonlyMap<string, Row>,
  after: ReadonlyMap<string, Row>,
): Row[] {
  const key: readonly string[] = table.key;
  const numbers = Object.keys(table.columns).filter((field) => !key.includes(field));
  const sums = new Map<string, Row>();
  const add = (partition: number, row: Row, sign: 1 | -1): void => {
    // PostgreSQL has no text with this character.
    const id = key.reduce((text, field) => `${text}\u0000${String(row[field])}`, String(partition));
    const sum = sums.get(id);
    if (!sum) {
      const fresh: Row = { ...row, partition };
      if (sign < 0) for (const field of numbers) fresh[field] = plus(0, row[field], sign);
      sums.set(id, fresh);
      return;
    }
    for (const field of numbers) sum[field] = plus(sum[field], row[field], sign);
  };
  const rows = (): Row[] => [...sums.values()].filter((row) => numbers.some((field) => row[field] !== 0));
  for (const [id, is] of after) {
    const was = before.get(id);
    if (was === is) continue;
    const partition = partitionOf(id);
    if (was) for (const row of of(was)) add(partition, row, -1);
    for (const row of of(is)) add(partition, row, 1);
  }
  if (!rollUp) return rows();
  for (const row of rows()) for (const wider of rollUp(row as never)) add(Number(row['partition']), wider, 1);
  return rows();
}
