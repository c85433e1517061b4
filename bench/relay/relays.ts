import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { createRelay } from '../../db/outbox/relay.ts';
import type { OutboxRow } from '../../db/outbox/rows.ts';
import { createTopology } from '../../domain/topology.ts';
import { createStreamPublisher } from '../../activities/outbox-relay/stream-publisher.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { createWakeUp } from '../../messaging/nudge.ts';
import { monotonicMicros } from '../measure/clock.ts';
import type { Arrival, Followed, Wait } from './protocol.ts';
import { createWaits, timeStatements } from './waits.ts';

interface Outbox {
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly prefix: string;
  readonly shards: number;
}

interface Watcher {
  published(rows: readonly OutboxRow[], seconds: number): void;
  caughtUp(): void;
}

interface Relays {
  /** Rejects when a relay has any trouble: then what is measured is something else. */
  readonly running: Promise<void>;
  stop(): void;
}

/** A relay per shard, wired as the worker's activity wires it. */
function startRelays({ db, messaging, prefix, shards }: Outbox, watcher: Watcher): Relays {
  const topology = createTopology(prefix);
  // One each, as each activity of the worker has its own.
  const stopping = Array.from({ length: shards }, () => new AbortController());
  const stop = (): void => {
    for (const controller of stopping) controller.abort();
  };
  const runs = stopping.map(async ({ signal }, shard) => {
    let trouble: unknown;
    const giveUp = (error: unknown): void => {
      trouble = error;
      stop();
    };
    const relay = createRelay({
      db,
      schema: OUTBOX_SCHEMA,
      shard,
      owner: 'bench',
      publisher: createStreamPublisher({ messaging, topology, onPage: () => undefined }),
      wakeUp: createWakeUp(messaging, topology, shard, signal),
      observer: {
        claimed: () => undefined,
        published: (_shard, rows, seconds) => {
          watcher.published(rows, seconds);
        },
        caughtUp: () => {
          watcher.caughtUp();
        },
        rewound: () => {
          giveUp(new Error('the stream lost messages'));
        },
        streamAhead: () => {
          giveUp(new Error('the stream is ahead of the database'));
        },
        parked: (_shard, _row, cause) => {
          giveUp(new Error(`a row was parked: ${cause}`));
        },
        failed: (_shard, error) => {
          giveUp(error);
        },
      },
    });
    await relay.run(signal);
    if (trouble !== undefined) throw trouble as Error;
  });
  const running = Promise.all(runs).then(() => undefined);
  running.catch(() => undefined); // told to whoever waits for it, and that may be later
  return { running, stop };
}

const PUBLISHING = 'publishing a page';

/** Publishes what is committed, from the start until so many events are published and recorded. */
export async function relayAll(outbox: Outbox, events: number): Promise<{ seconds: number; waits: Wait[] }> {
  const waits = createWaits();
  timeStatements(outbox.db, waits);
  let published = 0;
  let endedAt = Number.NaN;
  const begun = performance.now();
  const relays = startRelays(outbox, {
    published: (rows, seconds) => {
      published += rows.length;
      waits.add(PUBLISHING, seconds);
    },
    caughtUp: () => {
      if (published < events || !Number.isNaN(endedAt)) return;
      endedAt = performance.now();
      relays.stop();
    },
  });
  await relays.running;
  return { seconds: (endedAt - begun) / 1_000, waits: waits.all() };
}

/** Has relays run until told to stop, and keeps when each event was acknowledged. */
export function follow(outbox: Outbox): { stop(): Promise<Followed> } {
  const arrivals: Arrival[] = [];
  const waits = createWaits();
  timeStatements(outbox.db, waits);
  const relays = startRelays(outbox, {
    published: (rows, seconds) => {
      arrivals.push(...arrivalsOf(rows, monotonicMicros()));
      waits.add(PUBLISHING, seconds);
    },
    caughtUp: () => undefined,
  });
  return {
    stop: async () => {
      relays.stop();
      await relays.running;
      return { arrivals, waits: waits.all() };
    },
  };
}

function arrivalsOf(rows: readonly OutboxRow[], atMicros: number): Arrival[] {
  const counts = new Map<string, number>();
  for (const { aggregateId } of rows) counts.set(aggregateId, (counts.get(aggregateId) ?? 0) + 1);
  return [...counts].map(([aggregateId, events]) => ({ aggregateId, events, atMicros }));
}
