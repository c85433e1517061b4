import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from '../db/connection.ts';
import { parseEvent, type DomainEvent } from '../domain/events.ts';
import type { Topology } from '../domain/topology.ts';
import type { Messaging, NatsConnection } from '../messaging/connection.ts';
import { followRelayed, type Freshness } from '../messaging/relayed.ts';
import {
  openStreamReader,
  StreamReplacedError,
  type StreamMessage,
  type StreamReader,
} from '../messaging/stream-reader.ts';
import { applyPage, type Gap } from './apply-page.ts';
import {
  acquireLease,
  moveCheckpoint,
  releaseLease,
  renewLease,
  type Checkpoint,
  type Lease,
} from './checkpoint.ts';

/** What a projector tells whoever watches it. */
export interface ProjectorObserver {
  /** @param pending messages that are in the stream and not applied. */
  applied(events: number, pending: number): void;
  /** An event came without the one before it: its order says so, or is not shown at all. */
  gap(gap: Gap): void;
  /** The views hold all that was committed before this time; undefined as long as that is not known. */
  currentAsOf(asOf: Date | undefined): void;
  /** Another projector has the lease; this one waits. */
  waiting(): void;
  /** Another stream than before: it is applied from its beginning. */
  restarted(reason: string): void;
  /** The views stand still until it is mended; tried again after a pause. */
  failed(error: unknown): void;
}

interface ProjectorDeps {
  /** Database of the read tables. */
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  /** Who this process is, for people who look at the checkpoint. */
  readonly owner: string;
  readonly pageSize: number;
  readonly observer: ProjectorObserver;
}

const PROJECTOR = 'main';
const STANDBY_MS = 1_000;
const RETRY_MS = 1_000;
const RENEW_MS = 250;

/** Keeps the read tables at the end of the stream, until aborted. One projector has the lease, others stand by. */
export async function runProjector(deps: ProjectorDeps, signal: AbortSignal): Promise<void> {
  const aborted = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(undefined);
    });
  });
  const rest = (ms: number): Promise<void> => Promise.race([pause(ms), aborted]);
  const connection = await Promise.race([deps.messaging.firstConnection, aborted]);
  if (!connection) return;
  const freshness = followRelayed(connection, deps.topology);
  try {
    while (!signal.aborted) {
      try {
        const held = await acquireLease(deps.db, PROJECTOR, deps.owner);
        if (held) {
          await project(deps, connection, freshness, held, signal);
        } else {
          deps.observer.waiting();
          await rest(STANDBY_MS);
        }
      } catch (error) {
        deps.observer.failed(error);
        await rest(RETRY_MS);
      }
    }
  } finally {
    freshness.close();
  }
}

/** Applies pages as long as the lease is held. */
async function project(
  deps: ProjectorDeps,
  connection: NatsConnection,
  freshness: Freshness,
  { lease, checkpoint }: { lease: Lease; checkpoint: Checkpoint },
  signal: AbortSignal,
): Promise<void> {
  const { db, observer } = deps;
  let applied = checkpoint;
  const keeper = keepLease(db, lease, () => {
    const asOf = freshness.asOf(applied.streamCreated ?? '', applied.streamSequence);
    observer.currentAsOf(asOf);
    return asOf;
  });
  let reader: StreamReader | undefined;
  try {
    reader = await openStreamReader(connection, {
      stream: deps.topology.stream,
      after: checkpoint.streamSequence,
      created: checkpoint.streamCreated,
      pageSize: deps.pageSize,
    });
    applied = { ...checkpoint, streamCreated: reader.created };
    while (!signal.aborted) {
      keeper.throwIfFailed();
      const { messages, pending } = await reader.next();
      const last = messages.at(-1);
      if (!last) continue;
      const events = messages.map(eventOf);
      const next = { streamCreated: reader.created, streamSequence: last.streamSequence };
      const gaps = await db.transaction(async (trx) => {
        await moveCheckpoint(trx, lease, next);
        return applyPage(trx, events);
      });
      applied = next;
      gaps.forEach((gap) => {
        observer.gap(gap);
      });
      observer.applied(events.length, pending);
    }
  } catch (error) {
    if (!(error instanceof StreamReplacedError)) throw error;
    observer.restarted(error.message);
    await moveCheckpoint(db, lease, { streamCreated: null, streamSequence: 0 });
  } finally {
    await keeper.stop();
    await reader?.close();
    await releaseLease(db, lease).catch((error: unknown) => {
      observer.failed(error);
    });
  }
}

/** @throws Error naming the place in the stream when a message is no event that this release can read. */
function eventOf({ data, streamSequence, subject }: StreamMessage): DomainEvent {
  try {
    return parseEvent(JSON.parse(new TextDecoder().decode(data)));
  } catch (error) {
    throw new Error(`message ${streamSequence} (${subject}) cannot be read`, { cause: error });
  }
}

/** Renews the lease, and tells how fresh the views are, also while nothing comes in. */
function keepLease(
  db: Knex,
  lease: Lease,
  asOf: () => Date | undefined,
): { throwIfFailed(): void; stop(): Promise<void> } {
  const stopping = new AbortController();
  let failure: { readonly error: unknown } | undefined;
  const isStopping = (): boolean => stopping.signal.aborted;
  const keep = async (): Promise<void> => {
    while (!isStopping() && !failure) {
      try {
        await renewLease(db, lease, asOf());
        await pause(RENEW_MS, undefined, { signal: stopping.signal });
      } catch (error) {
        if (!isStopping()) failure = { error };
      }
    }
  };
  const keeping = keep();
  return {
    throwIfFailed: () => {
      if (failure) throw failure.error;
    },
    stop: async () => {
      stopping.abort();
      await keeping;
    },
  };
}
