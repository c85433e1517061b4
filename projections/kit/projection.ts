import type { DomainEvent } from '../../domain/events.ts';
import type { AnyTable, Table } from './table.ts';

/**
 * Figures over many orders (or whatever a projection keeps): a table to which is added the difference between what a
 * state counts for after a change and before it. What did not change adds nothing, so an event that comes twice counts
 * once. The kit adds a column `partition` to the key: partitions are applied by different processes, which would
 * otherwise wait for each other's rows. A query sums over it.
 */
export interface Figures<State, Row> {
  readonly table: Table<Row>;
  /** What a state counts for: every field outside the table's key is a number. */
  readonly of: (state: State) => readonly Row[];
  /**
   * Other rows of the same table in which a row of `of` is counted as well, such as the day of an hour. What a page
   * changes is added up first and rolled up once.
   */
  readonly rollUp?: (row: Row) => readonly Row[];
}

/** Everything that makes a projection: what it reads, its tables, and pure functions from events to rows. */
export interface ProjectionSpec<State extends object, Event extends DomainEvent> {
  /** Stable; what `npm run rebuild` takes. */
  readonly name: string;
  /** Raise it whenever the same events would make other rows or other tables: it is then built anew at deploy. */
  readonly version: number;
  readonly aggregates: readonly Event['aggregateType'][];
  /** One row per aggregate, by its id: the state that events are folded into. */
  readonly state: Table<State>;
  /** The version of the event's aggregate that is in the state: events up to it are repeats, and change nothing. */
  readonly versionIn: (state: State, event: Event) => number;
  /** Whether the state's version moves with every event, so that a missing one shows. */
  readonly everyVersion?: true;
  /**
   * The state after an event that is not in it yet: the same object when nothing changes.
   * @returns undefined for an event that cannot be the first one, of an aggregate that is not known
   */
  readonly evolve: (before: State | undefined, event: Event) => State | undefined;
  // A table of any rows: only `of` and its table have to agree.
  readonly figures?: readonly Figures<State, never>[];
}

/** A projection without the types of its state and events: what the runner works with. */
export type Projection = ProjectionSpec<Record<string, unknown>, DomainEvent>;

/** Keeps the types together while they are checked, and lets go of them. */
export const projection = <State extends object, Event extends DomainEvent>(
  spec: ProjectionSpec<State, Event>,
): Projection => spec as unknown as Projection;

export const figures = <State, Row>(spec: Figures<State, Row>): Figures<State, never> =>
  spec as unknown as Figures<State, never>;

/** The table of figures as it is stored. */
export const withPartition = (table: AnyTable): AnyTable => ({
  ...table,
  columns: { ...table.columns, partition: 'smallint' },
  key: [...table.key, 'partition'],
});

export const tablesOf = ({ state, figures: sums = [] }: Projection): AnyTable[] => [
  state,
  ...sums.map(({ table }) => withPartition(table)),
];
