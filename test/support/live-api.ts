import type { ServerResponse } from 'node:http';
import type { LiveConnections } from '../../api/live/live-connections.ts';
import { createQueryApp } from '../../api/query-app.ts';
import type { Knex } from '../../db/connection.ts';
import type { DomainEvent } from '../../domain/events.ts';
import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { createStreamFollower } from '../../messaging/follow-stream.ts';
import { ensureStream } from '../../messaging/stream.ts';
import { systemClock } from '../../platform/clock.ts';
import { listen } from '../../platform/http-server.ts';
import { httpDeps, principalOfHeader } from './http.ts';
import { liveConnections } from './live-events.ts';

/** A query API in this process that follows a stream. */
export interface LiveApi {
  readonly url: string;
  readonly connections: LiveConnections;
  /** Of requests that are being answered. */
  readonly responses: readonly ServerResponse[];
  close(): Promise<void>;
}

interface LiveApiOptions {
  readonly db: Knex;
  readonly messaging: Messaging;
  readonly topology: Topology;
  readonly connections?: LiveConnections;
  readonly queueCapacity?: number;
}

export async function serveLiveApi({
  db,
  messaging,
  topology,
  connections = liveConnections(),
  queueCapacity = 256,
}: LiveApiOptions): Promise<LiveApi> {
  const follower = createStreamFollower({ messaging, topology, queueCapacity, onFailure: () => undefined });
  const app = createQueryApp({
    ...httpDeps(),
    authenticate: principalOfHeader,
    db,
    clock: systemClock,
    ui: { url: 'http://127.0.0.1:8233', namespace: 'default' },
    freshOrderWaitMs: 5_000,
    live: { follower, topology, connections },
  });
  const responses = new Set<ServerResponse>();
  const server = await listen(
    (request, response) => {
      responses.add(response);
      response.once('close', () => responses.delete(response));
      app(request, response);
    },
    '127.0.0.1',
    0,
  );
  return {
    url: `http://127.0.0.1:${server.port}`,
    connections,
    get responses() {
      return [...responses];
    },
    close: async () => {
      connections.close();
      await server.close();
      await follower.close();
    },
  };
}

/** Puts events into the stream, each as a message of its own, also when it is there already. */
export async function store(
  messaging: Messaging,
  topology: Topology,
  events: readonly DomainEvent[],
): Promise<void> {
  const jetstream = messaging.require().jetstream();
  for (const event of events) await jetstream.publish(topology.subjectOf(event), JSON.stringify(event));
}

/** Another stream under the same name, with nothing in it. */
export async function makeAnew(messaging: Messaging, topology: Topology): Promise<void> {
  const manager = await messaging.require().jetstreamManager({ checkAPI: false });
  await manager.streams.delete(topology.stream);
  await ensureStream(messaging.require(), topology);
}
