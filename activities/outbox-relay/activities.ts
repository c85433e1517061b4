import { setTimeout as pause } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import type { Knex } from '../../db/connection.ts';
import { FencedError, OutboxRefusedError } from '../../db/outbox/errors.ts';
import { createRelay } from '../../db/outbox/relay.ts';
import type { RelayObserver } from '../../db/outbox/ports.ts';
import { RELAY_HEARTBEAT_TIMEOUT_MS, RELAY_RUN_MS, type RelayActivities } from '../../domain/relay.ts';
import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { createWakeUp } from '../../messaging/nudge.ts';
import type { PublishedAs } from '../../messaging/publish.ts';
import { announceRelayed } from '../../messaging/relayed.ts';
import { failWith, logTechnical, withFailures } from '../failures.ts';
import { createStreamPublisher } from './stream-publisher.ts';

/** What is told of relays whose pages go to JetStream. */
export interface RelayWatcher extends Omit<RelayObserver, 'caughtUp'> {
  page(shard: number, as: PublishedAs): void;
}

interface Deps {
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  /** Who this process is, for people who look at the cursor. */
  readonly owner: string;
  readonly observer: RelayWatcher;
  /** Aborted when the process drains: the page under way is finished and the shard handed over. */
  readonly shutdown: AbortSignal;
  /** Rejects while Temporal does not answer, and so could not begin the next run. */
  readonly askTemporal: () => Promise<void>;
  /** How long a run takes, in ms. */
  readonly runMs?: number;
}

const ASK_AGAIN_MS = 5_000;

/** The relay as a Temporal activity: Temporal sees to it that there is one per shard, the epoch that it is the only one. */
export const createRelayActivities = (deps: Deps): RelayActivities =>
  withFailures<RelayActivities>({
    relayOutbox: async (shard) => {
      const { db, messaging, topology, owner, observer, shutdown, runMs = RELAY_RUN_MS } = deps;
      const context = Context.current();
      const longEnough = new AbortController();
      const ended = new AbortController();
      const signal = AbortSignal.any([shutdown, context.cancellationSignal, longEnough.signal]);
      void untilNextRunCanBegin(runMs, deps.askTemporal, ended.signal).then(() => {
        longEnough.abort();
      });
      const heartbeats = setInterval(() => {
        context.heartbeat();
      }, RELAY_HEARTBEAT_TIMEOUT_MS / 5);
      const listening = new AbortController();
      const relay = createRelay({
        db,
        schema: OUTBOX_SCHEMA,
        shard,
        owner,
        publisher: createStreamPublisher({
          messaging,
          topology,
          subjects: topology.subjectsOfShard(shard),
          onPage: (as) => {
            observer.page(shard, as);
          },
        }),
        wakeUp: createWakeUp(messaging, topology, shard, listening.signal),
        observer: {
          ...observer,
          caughtUp: (caughtUpShard, asOf, position) => {
            announceRelayed(messaging, topology, caughtUpShard, { asOf, ...position });
          },
        },
      });
      try {
        await relay.run(signal);
      } catch (error) {
        throw toRelayFailure(error, shard);
      } finally {
        clearInterval(heartbeats);
        listening.abort();
        ended.abort();
      }
      context.cancellationSignal.throwIfAborted();
      if (shutdown.aborted) {
        throw failWith('RELAY_HANDED_OVER');
      }
    },
  });

/** Resolves after the time of a run, but not before Temporal answers; at once when the signal comes. */
async function untilNextRunCanBegin(
  runMs: number,
  askTemporal: () => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const rest = (ms: number): Promise<void> => pause(ms, undefined, { signal }).catch(() => undefined);
  await rest(runMs);
  while (!signal.aborted) {
    const answers = await askTemporal().then(
      () => true,
      () => false,
    );
    if (answers) return;
    await rest(Math.min(ASK_AGAIN_MS, runMs));
  }
}

function toRelayFailure(error: unknown, shard: number): unknown {
  if (error instanceof OutboxRefusedError) {
    logTechnical('the outbox needs a decision', error);
    return failWith('OUTBOX_REFUSED', { shard, why: error.why });
  }
  // Another relay owns the shard now; an immediate retry would only take it back.
  if (error instanceof FencedError) return failWith('RELAY_FENCED', {}, { retryAfterMs: 5_000 });
  return error;
}
