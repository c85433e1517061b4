import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { createStreamPublisher } from '../../../../activities/outbox-relay/stream-publisher.ts';
import type { Knex } from 'knex';
import { createRelay } from '../../../../db/outbox/index.ts';
import type { Topology } from '../../../../domain/topology.ts';
import type { Messaging } from '../../../../messaging/connection.ts';
import { outbox, SHARDS } from './install.ts';

// doc: names
/** A prefix lets tests share one server. */
export const shopTopology = (prefix = ''): Pick<Topology, 'stream' | 'streamSubjects' | 'subjectOf'> => ({
  stream: `${prefix}SHOP`,
  streamSubjects: [`${prefix}shop.>`],
  subjectOf: ({ aggregateType, aggregateId, type }) =>
    `${prefix}shop.${aggregateType}.${type}.${aggregateId}`,
});
// end doc

// doc: relay
interface Deps {
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: ReturnType<typeof shopTopology>;
  readonly onFailure: (error: unknown) => void;
}

/** One relay per shard, until the signal comes. @throws FencedError when others have started, OutboxRefusedError */
export async function runRelays(deps: Deps, signal: AbortSignal): Promise<void> {
  const { db, messaging, topology, onFailure } = deps;
  await messaging.firstConnection;
  const relays = Array.from({ length: SHARDS }, (_, shard) =>
    createRelay({
      db,
      ...outbox,
      shard,
      owner: hostname(),
      publisher: createStreamPublisher({ messaging, topology, source: '/shop', onPage: () => undefined }),
      // Looks by itself; who writes may wake it earlier, for example by a message over core NATS after its commit.
      wakeUp: (timeoutMs, stopping) =>
        pause(timeoutMs, undefined, { signal: stopping }).catch(() => undefined),
      observer: {
        claimed: () => undefined,
        published: () => undefined,
        caughtUp: () => undefined,
        rewound: () => undefined,
        streamAhead: () => undefined,
        parked: (_shard, { seq }, cause) => {
          onFailure(new Error(`row ${seq} of the outbox was refused: ${cause}`));
        },
        failed: (_shard, error) => {
          onFailure(error);
        },
      },
    }),
  );
  await Promise.all(relays.map((relay) => relay.run(signal)));
}
// end doc
