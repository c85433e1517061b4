import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import type { Topology } from '../../domain/topology.ts';
import type { StreamMessage } from '../../messaging/stream-reader.ts';
import type { Gap } from '../kit/apply-page.ts';
import type { Projection } from '../kit/projection.ts';
import { createStates } from '../kit/states.ts';
import { withApply, type Outcome } from './apply-incoming.ts';
import { isAnyDecided, selectDecidedIn, settle, type DecidedIncoming } from './decided.ts';
import type { Failure } from './failure.ts';
import { aggregateOf, contentOfMessage, keyOf, type Incoming, type ParkedAggregate } from './incoming.ts';
import { park, waitingIn, type StreamIncoming } from './store.ts';

/** What a committed transaction did. */
export interface Progress {
  readonly events: readonly DomainEvent[];
  readonly gaps: readonly Gap[];
  /** Orders of which more or fewer events wait than before. */
  readonly heldUp: readonly string[];
  /** What could not be applied; what waits behind it is not named. */
  readonly parked: readonly (Failure & { readonly aggregate: ParkedAggregate })[];
}

/**
 * Applies messages, and parks what cannot be applied: an event that cannot be read, that a projection throws for, or
 * whose rows the database refuses, with all later ones of its order. All others go on. Errors of anything else –
 * connections, locks, time – are thrown, and nothing has changed.
 */
export interface Parking {
  /** What messages hold: the same at any time, so that it can be read ahead. */
  read(messages: readonly StreamMessage[]): readonly StreamIncoming[];
  /**
   * In one transaction. @param fence throws within it when this projector may not write any more
   * @param meanwhile called while PostgreSQL works, if there is anything to write
   */
  apply(
    items: readonly StreamIncoming[],
    created: string,
    fence: Fence,
    meanwhile?: () => void,
  ): Promise<Progress>;
  /** Carries out what operators have decided. @returns undefined when there was nothing */
  carryOutDecisions(fence: Fence): Promise<Progress | undefined>;
  /** What waits in these partitions. */
  waiting(): { readonly aggregates: number; readonly events: number };
}

type Fence = (trx: Knex.Transaction) => Promise<void>;

interface ParkingDeps {
  readonly db: Knex;
  readonly projections: readonly Projection[];
  readonly topology: Topology;
  /** Those that the projector holds: nobody else parks or releases anything in them. */
  readonly partitions: readonly number[];
}

/** Aggregates in one transaction. */
const DECIDED_AT_ONCE = 50;
/** How long a decision may go unseen between pages. */
const LOOK_MS = 250;

export async function openParking(deps: ParkingDeps): Promise<Parking> {
  const { db, projections, topology, partitions } = deps;
  const waiting = await waitingIn(db, partitions);
  const applyDeps = { db, projections, states: createStates() };
  let lookAt = 0;

  return {
    read: (messages) =>
      messages.map((message) => {
        const aggregate = aggregateOf(topology, message);
        return {
          message,
          aggregate,
          partition: topology.partitionIn(message.subject),
          content: contentOfMessage(topology, aggregate, message),
        };
      }),

    apply: async (items, created, fence, meanwhile) => {
      const { outcome, more } = await withApply({ ...applyDeps, meanwhile }, fence, async (trx, apply) => {
        const applied = await apply(items, (key) => waiting.has(key));
        return { outcome: applied, more: await park(trx, created, applied) };
      });
      for (const [key, events] of more) waiting.set(key, (waiting.get(key) ?? 0) + events);
      return progressOf(outcome, [...outcome.failed.map(({ item }) => item), ...outcome.behind]);
    },

    carryOutDecisions: async (fence) => {
      // Nothing can have been decided about.
      if (waiting.size === 0 || Date.now() < lookAt) return undefined;
      lookAt = Date.now() + LOOK_MS;
      if (!(await isAnyDecided(db, partitions))) return undefined;
      const { decided, outcome } = await withApply(applyDeps, fence, async (trx, apply) => {
        const all = await selectDecidedIn(trx, partitions, DECIDED_AT_ONCE);
        const result = await apply(all.filter(({ isDiscarded }) => !isDiscarded));
        await settle(
          trx,
          all.filter(({ isDiscarded }) => isDiscarded),
          result,
        );
        return { decided: all, outcome: result };
      });
      // There may be more than fits into one transaction.
      lookAt = 0;
      recount(decided, outcome);
      return progressOf(outcome, decided);
    },

    waiting: () => ({
      aggregates: waiting.size,
      events: [...waiting.values()].reduce((sum, events) => sum + events, 0),
    }),
  };

  function recount(decided: readonly DecidedIncoming[], { failed, behind }: Outcome<DecidedIncoming>): void {
    for (const { aggregate } of decided) waiting.delete(keyOf(aggregate));
    for (const { aggregate } of [...failed.map(({ item }) => item), ...behind])
      waiting.set(keyOf(aggregate), (waiting.get(keyOf(aggregate)) ?? 0) + 1);
  }
}

const progressOf = <T extends Incoming>(
  { applied, gaps, failed }: Outcome<T>,
  counted: readonly Incoming[],
): Progress => ({
  events: applied.map(({ event }) => event),
  gaps,
  heldUp: [...new Set(counted.flatMap(({ aggregate: { type, id } }) => (type === 'order' ? [id] : [])))],
  parked: failed.map(({ item, failure }) => ({ aggregate: item.aggregate, ...failure })),
});
