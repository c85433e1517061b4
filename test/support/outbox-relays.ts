import { createStreamPublisher } from '../../activities/outbox-relay/stream-publisher.ts';
import type { Knex } from '../../db/connection.ts';
import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { testMessaging } from './messaging.ts';
import { silentObserver, testRelay } from './outbox-readers.ts';

interface RelaysOptions {
  readonly db: Knex;
  readonly schema: string;
  readonly topology: Topology;
  readonly natsUrl: string;
}

/** Relays to a JetStream stream, each with a connection of its own, as in different processes. Failures are borne. */
export interface TestRelays {
  /** How often one of them went back. */
  readonly rewinds: number;
  /** How often one of them stopped because the stream is ahead of the database. */
  readonly refusals: number;
  start(shard: number): Promise<void>;
  /** @throws what one of them ended with */
  stopAll(): Promise<void>;
}

export function createTestRelays({ db, schema, topology, natsUrl }: RelaysOptions): TestRelays {
  const running: { stop: AbortController; ended: Promise<void>; messaging: Messaging }[] = [];
  let rewinds = 0;
  let refusals = 0;
  return {
    get rewinds() {
      return rewinds;
    },
    get refusals() {
      return refusals;
    },
    start: async (shard) => {
      const messaging = await testMessaging(natsUrl);
      const stop = new AbortController();
      const publisher = createStreamPublisher({
        messaging,
        topology,
        // Those of all shards: more must be recognised than a relay of the application looks at.
        subjects: topology.streamSubjects,
        onPage: () => undefined,
      });
      const observer = {
        ...silentObserver,
        failed: () => undefined,
        rewound: () => {
          rewinds += 1;
        },
        streamAhead: () => {
          refusals += 1;
        },
      };
      const ended = testRelay(db, schema, publisher, { shard, observer }).run(stop.signal);
      ended.catch(() => undefined);
      running.push({ stop, ended, messaging });
    },
    stopAll: async () => {
      const stopped = running.splice(0);
      for (const { stop } of stopped) stop.abort();
      const results = await Promise.allSettled(stopped.map(({ ended }) => ended));
      for (const { messaging } of stopped) await messaging.close();
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
  };
}
