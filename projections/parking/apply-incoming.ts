import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import { applyFoldable, type Gap } from '../kit/apply-page.ts';
import { ProjectionError } from '../kit/projection-error.ts';
import type { Projection } from '../kit/projection.ts';
import type { States } from '../kit/states.ts';
import { failureOf, type Failure } from './failure.ts';
import { isFailure, keyOf, type Incoming } from './incoming.ts';

export interface ApplyDeps {
  readonly db: Knex;
  readonly projections: readonly Projection[];
  readonly states: States;
  readonly meanwhile?: (() => void) | undefined;
}

interface Readable<T> {
  readonly item: T;
  readonly event: DomainEvent;
}

/** What became of each item. */
export interface Outcome<T> {
  readonly applied: readonly Readable<T>[];
  readonly gaps: readonly Gap[];
  /** One of an aggregate at most. */
  readonly failed: readonly { readonly item: T; readonly failure: Failure }[];
  /** Of the same aggregates, or of those that are parked already. */
  readonly behind: readonly T[];
}

/** Applies, within a transaction, what can be applied. */
export type Apply = <T extends Incoming>(
  items: readonly T[],
  isParked?: (key: string) => boolean,
) => Promise<Outcome<T>>;

type ApplyReadable = <T>(trx: Knex.Transaction, items: readonly Readable<T>[]) => Promise<Outcome<T>>;

/**
 * Does work that applies items, in one transaction. Only when the database has refused rows is the transaction made
 * again, with savepoints: what goes well pays nothing for what may go wrong.
 * @param fence throws when this process may not write any more
 */
export async function withApply<R>(
  { db, projections, states, meanwhile }: ApplyDeps,
  fence: (trx: Knex.Transaction) => Promise<void>,
  work: (trx: Knex.Transaction, apply: Apply) => Promise<R>,
): Promise<R> {
  const together: ApplyReadable = (trx, items) => fold(trx, projections, items, { states, meanwhile });
  const isolating: ApplyReadable = (trx, items) => isolate(trx, projections, byAggregate(items));
  try {
    return await db.transaction(async (trx) => {
      await fence(trx);
      return work(trx, (items, isParked) => applyIncoming(trx, items, isParked, together));
    });
  } catch (error) {
    states.forgetAll();
    if (!(error instanceof ProjectionError)) throw error;
    return await db.transaction(async (trx) => {
      const result = await work(trx, (items, isParked) => applyIncoming(trx, items, isParked, isolating));
      // Last, since it locks what this projector renews its leases by, and looking for culprits may take a while.
      await fence(trx);
      return result;
    });
  }
}

async function applyIncoming<T extends Incoming>(
  trx: Knex.Transaction,
  items: readonly T[],
  isParked: (key: string) => boolean = () => false,
  apply: ApplyReadable,
): Promise<Outcome<T>> {
  const readable: Readable<T>[] = [];
  const unreadable: { item: T; failure: Failure }[] = [];
  const behind: T[] = [];
  const stopped = new Set<string>();
  for (const item of items) {
    const key = keyOf(item.aggregate);
    const { content } = item;
    if (stopped.has(key) || isParked(key)) behind.push(item);
    else if (isFailure(content)) {
      unreadable.push({ item, failure: content });
      stopped.add(key);
    } else readable.push({ item, event: content });
  }
  const outcome = await apply(trx, readable);
  // An earlier event than the one that cannot be read may not have been applied either.
  const stoppedEarlier = new Set(outcome.failed.map(({ item }) => keyOf(item.aggregate)));
  const isLater = ({ item }: { item: T }): boolean => stoppedEarlier.has(keyOf(item.aggregate));
  return {
    ...outcome,
    failed: [...outcome.failed, ...unreadable.filter((each) => !isLater(each))],
    behind: [...outcome.behind, ...unreadable.filter(isLater).map(({ item }) => item), ...behind],
  };
}

async function fold<T>(
  trx: Knex.Transaction,
  projections: readonly Projection[],
  items: readonly Readable<T>[],
  into?: Pick<ApplyDeps, 'states' | 'meanwhile'>,
): Promise<Outcome<T>> {
  const byEvent = new Map(items.map((each) => [each.event, each]));
  const of = (event: DomainEvent): Readable<T>[] => {
    const item = byEvent.get(event);
    return item ? [item] : [];
  };
  const page = await applyFoldable(
    trx,
    projections,
    items.map(({ event }) => event),
    into,
  );
  return {
    applied: page.applied.flatMap(of),
    gaps: page.gaps,
    failed: page.failed.flatMap(({ event, error }) =>
      of(event).map(({ item }) => ({ item, failure: failureOf(error) })),
    ),
    behind: page.behind.flatMap(of).map(({ item }) => item),
  };
}

function byAggregate<T>(items: readonly Readable<T>[]): Readable<T>[][] {
  const groups = new Map<string, Readable<T>[]>();
  for (const each of items) {
    const group = groups.get(each.event.aggregateId);
    if (group) group.push(each);
    else groups.set(each.event.aggregateId, [each]);
  }
  return [...groups.values()];
}

/** Applies halves on their own until nothing fails but the culprits: of one aggregate, from its first bad event on. */
async function isolate<T>(
  trx: Knex.Transaction,
  projections: readonly Projection[],
  groups: readonly (readonly Readable<T>[])[],
): Promise<Outcome<T>> {
  try {
    return await trx.transaction((savepoint) => fold(savepoint, projections, groups.flat()));
  } catch (error) {
    if (!(error instanceof ProjectionError)) throw error;
    const [group = [], ...others] = groups;
    if (others.length > 0) {
      const half = Math.ceil(groups.length / 2);
      return joined(
        await isolate(trx, projections, groups.slice(0, half)),
        await isolate(trx, projections, groups.slice(half)),
      );
    }
    const [first, ...later] = group;
    if (!first) throw error;
    if (later.length === 0)
      return {
        applied: [],
        gaps: [],
        failed: [{ item: first.item, failure: failureOf(error) }],
        behind: [],
      };
    const begun = await isolate(trx, projections, [[first]]);
    if (begun.failed.length > 0) return { ...begun, behind: later.map(({ item }) => item) };
    return joined(begun, await isolate(trx, projections, [later]));
  }
}

const joined = <T>(one: Outcome<T>, other: Outcome<T>): Outcome<T> => ({
  applied: [...one.applied, ...other.applied],
  gaps: [...one.gaps, ...other.gaps],
  failed: [...one.failed, ...other.failed],
  behind: [...one.behind, ...other.behind],
});
