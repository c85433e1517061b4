import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../db/connection.ts';
import type { DomainEvent } from '../domain/events.ts';
import type { Topology } from '../domain/topology.ts';
import type { Messaging, NatsConnection } from '../messaging/connection.ts';
import { readAhead, type AheadReader } from '../messaging/read-ahead.ts';
import { followRelayed, type Freshness } from '../messaging/relayed.ts';
import { openStreamReader, StreamReplacedError, type StreamMessage } from '../messaging/stream-reader.ts';
import { holdPartitions, type Holding } from './holding.ts';
import type { Gap } from './kit/apply-page.ts';
import { requireLive } from './kit/install.ts';
import type { Projection } from './kit/projection.ts';
import { LeaseLostError, type Lease } from './leases.ts';
import { openParking, type Parking, type Progress } from './parking/parking.ts';

/** What has been committed to the views of some partitions. */
interface Visible {
  readonly leases: readonly Pick<Lease, 'partition' | 'epoch'>[];
  /** Those of a page; none: only time has passed. */
  readonly events: readonly DomainEvent[];
  /** Orders that show another number of events that wait. */
  readonly heldUp: readonly string[];
  /** The views hold all that was committed before; undefined as long as that is not known. */
  readonly asOf: Date | undefined;
}

/** What a projector tells whoever watches it. */
export interface ProjectorObserver {
  /**
   * A page is committed; the events are those of this projector's partitions.
   * @param pending messages that are in the stream and not applied
   */
  applied(events: readonly DomainEvent[], pending: number): void;
  /** A page was committed, or leases renewed. Told before anything that is as of a later time. */
  visible(progress: Visible): void;
  /** An event came without the one before it: its order says so, or is not shown at all. */
  gap(gap: Gap): void;
  /** An event cannot be applied: it waits for an operator, and later ones of its order wait behind it. */
  parked(event: Progress['parked'][number]): void;
  /** What waits in this projector's partitions. */
  waiting(waiting: ReturnType<Parking['waiting']>): void;
  /** This projector's partitions hold all that was committed before this time; undefined while that is not known. */
  currentAsOf(asOf: Date | undefined): void;
  /** The partitions that this projector has from now on: none while others have them all. */
  holds(partitions: readonly number[]): void;
  /** Another stream than before: it is applied from its beginning. */
  restarted(reason: string): void;
  /** A message is no announcement of a relay; the next announcement counts. */
  announcementIgnored(error: unknown): void;
  /** The views of this projector's partitions stand still until it is mended; tried again after a pause. */
  failed(error: unknown): void;
}

interface ProjectorDeps {
  /** Database of the read tables. */
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly projections: readonly Projection[];
  /** Who this projector is: no other one that is alive has this name. */
  readonly owner: string;
  readonly pageSize: number;
  readonly observer: ProjectorObserver;
}

const RETRY_MS = 1_000;

/**
 * Keeps the read tables at the end of the stream, until aborted. Projectors share the partitions; those of one that
 * ends or dies go to the others.
 */
export async function runProjector(deps: ProjectorDeps, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  const connection = await Promise.race([deps.messaging.firstConnection, aborted]);
  if (!connection) return;
  const freshness = followRelayed(connection, deps.topology, (error) => {
    deps.observer.announcementIgnored(error);
  });
  try {
    while (!signal.aborted) {
      try {
        await project(deps, connection, freshness, signal);
      } catch (error) {
        // Whoever has it now goes on; what is free is there to be taken at once.
        if (error instanceof LeaseLostError) continue;
        deps.observer.failed(error);
        await Promise.race([pause(RETRY_MS), aborted]);
      }
    }
  } finally {
    freshness.close();
  }
}

/** Only time has passed. */
const nothing: Pick<Visible, 'events' | 'heldUp'> = { events: [], heldUp: [] };

/** Where the tables of the partitions that are held are; undefined while they are not equally far. */
type Position = { readonly created: string; readonly sequence: number } | undefined;

/** Applies pages to whatever partitions it holds, until one is lost or something fails. */
async function project(
  deps: ProjectorDeps,
  connection: NatsConnection,
  freshness: Freshness,
  signal: AbortSignal,
): Promise<void> {
  const { db, observer } = deps;
  await requireLive(db, deps.projections);
  let position: Position;
  const tellVisible = (
    leases: readonly Lease[],
    { events, heldUp }: Pick<Visible, 'events' | 'heldUp'>,
  ): Date | undefined => {
    const asOf = position && freshness.asOf(position.created, position.sequence);
    if (leases.length > 0) observer.visible({ leases, events, heldUp, asOf });
    return asOf;
  };
  const holding = await holdPartitions(db, deps.owner, (leases) => {
    const asOf = tellVisible(leases, nothing);
    observer.currentAsOf(asOf);
    return asOf;
  });
  try {
    while (!signal.aborted) {
      await holding.balance();
      observer.holds(holding.leases().map(({ partition }) => partition));
      if (holding.leases().length > 0)
        await projectHeld(deps, connection, holding, signal, (reached, changes) => {
          position = reached;
          tellVisible(holding.leases(), changes);
        });
      else await holding.nextLook(signal);
      position = undefined;
    }
  } finally {
    await holding.close();
  }
}

/** A page of the stream, with what it holds for the partitions that are held. */
interface ReadPage {
  readonly items: ReturnType<Parking['read']>;
  /** All that the stream holds up to there is in this page or in those before it. */
  readonly reached: number;
  readonly pending: number;
}

/** Applies pages until the partitions are to be shared anew. */
async function projectHeld(
  { db, observer, projections, topology, pageSize }: ProjectorDeps,
  connection: NatsConnection,
  holding: Holding,
  signal: AbortSignal,
  reach: (position: Position, changes: Pick<Visible, 'events' | 'heldUp'>) => void,
): Promise<void> {
  const leases = new Map(holding.leases().map((lease) => [lease.partition, lease]));
  const sequences = [...leases.values()].map(({ streamSequence }) => streamSequence);
  // Partitions that came from different projectors are not equally far.
  const [nearest, furthest] = [Math.min(...sequences), Math.max(...sequences)];
  const isNew = ({ subject, streamSequence }: StreamMessage): boolean =>
    streamSequence > (leases.get(topology.partitionIn(subject))?.streamSequence ?? Number.POSITIVE_INFINITY);
  const parking = await openParking({ db, projections, topology, partitions: [...leases.keys()] });
  observer.waiting(parking.waiting());
  let position: Position;
  let pendingMessages = 0;
  const tell = (progress: Progress): void => {
    const { events, gaps, parked } = progress;
    reach(position, progress);
    for (const gap of gaps) observer.gap(gap);
    for (const event of parked) observer.parked(event);
    observer.waiting(parking.waiting());
    observer.applied(events, pendingMessages);
  };
  let reader: AheadReader<ReadPage> | undefined;
  try {
    const from = { after: nearest, created: streamOf([...leases.values()]) };
    reader = readAhead(
      await openStreamReader(connection, { stream: topology.stream, ...from, pageSize }),
      ({ messages, pending, reached }) => ({
        items: parking.read(messages.filter(isNew)),
        reached,
        pending,
      }),
    );
    const { created } = reader;
    let applied = nearest;
    if (nearest === furthest) {
      position = { created, sequence: nearest };
      reach(position, nothing);
    }
    while (!signal.aborted && !holding.isUnbalanced()) {
      const decided = await parking.carryOutDecisions((trx) => holding.lock(trx));
      if (decided) tell(decided);
      const { items, reached: sequence, pending } = await reader.next();
      if (sequence <= applied) continue;
      applied = sequence;
      const next = { created, sequence };
      const progress = await parking.apply(
        items,
        created,
        (trx) => holding.move(trx, next),
        reader.prepareNext,
      );
      holding.moved(next);
      position = next.sequence >= furthest ? next : undefined;
      pendingMessages = pending;
      tell(progress);
    }
  } catch (error) {
    if (!(error instanceof StreamReplacedError)) throw error;
    reach(undefined, nothing);
    observer.restarted(error.message);
    await holding.restart();
  } finally {
    await reader?.close();
  }
}

/**
 * `created` of the stream that these partitions were read from; null before the first message.
 * @throws StreamReplacedError when they were read from different ones, of which one at most is still there
 */
function streamOf(leases: readonly Lease[]): string | null {
  const streams = new Set(
    leases.map(({ streamCreated }) => streamCreated).filter((created) => created !== null),
  );
  if (streams.size > 1) throw new StreamReplacedError('partitions were read from different streams');
  return [...streams][0] ?? null;
}
