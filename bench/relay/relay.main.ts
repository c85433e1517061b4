import { connect, type Knex } from '../../db/connection.ts';
import { createTopology, type Topology } from '../../domain/topology.ts';
import { connectMessaging } from '../../messaging/connection.ts';
import { ensureStream } from '../../messaging/stream.ts';
import { createLogger } from '../../platform/logger.ts';
import { answerRequests } from '../forked.ts';
import { monotonicMicros } from '../measure/clock.ts';
import { publishComing, publishFromMemory, publishSingly } from './from-memory.ts';
import {
  requestSchema,
  settingsSchema,
  type Wait,
  type RelayAnswer,
  type RelayRequest,
  type Route,
} from './protocol.ts';
import { follow, relayAll } from './relays.ts';
import { publishUnsent } from './skip-locked.ts';

/** Relays, and what they are compared with, in a process of their own: no writer shares their event loop. */
const { natsUrl } = settingsSchema.parse(JSON.parse(process.argv[2] ?? ''));
const messaging = connectMessaging({ url: natsUrl, name: 'bench', logger: createLogger('bench', 'error') });
const connection = await messaging.firstConnection;
/** The worker has four for its two relays. */
const CONNECTIONS_PER_SHARD = 2;
let following: ReturnType<typeof follow> | undefined;

async function answer(request: RelayRequest): Promise<RelayAnswer | undefined> {
  switch (request.ask) {
    case 'relay': {
      const { route, events } = request;
      const { seconds, waits } = await withDatabase(route, (db) =>
        relayAll({ ...route, db, messaging }, events),
      );
      return published(seconds, waits);
    }
    case 'publish':
      return published(
        await publishFromMemory(connection, await streamOf(request.prefix), request.way, request.events),
      );
    case 'publish-singly':
      return {
        is: 'timed',
        ms: await publishSingly(connection, await streamOf(request.prefix), request.seconds),
      };
    case 'publish-coming':
      return {
        is: 'timed',
        ms: await publishComing(connection, await streamOf(request.prefix), request.coming),
      };
    case 'skip-locked': {
      const topology = await streamOf(request.route.prefix);
      return published(await withDatabase(request.route, (db) => publishUnsent(db, connection, topology)));
    }
    case 'follow': {
      const { route } = request;
      const db = await openDatabase(route);
      await streamOf(route.prefix);
      const relays = follow({ ...route, db, messaging });
      following = {
        stop: async () => {
          const followed = await relays.stop();
          await db.destroy();
          return followed;
        },
      };
      return { is: 'following' };
    }
    case 'stop':
      if (!following) throw new Error('no relay runs');
      return { is: 'stopped', ...(await following.stop()) };
    case 'end':
      await messaging.close();
      process.exit(0);
  }
}

const published = (seconds: number, waits: readonly Wait[] = []): RelayAnswer => ({
  is: 'published',
  seconds,
  endedAtMicros: monotonicMicros(),
  waits,
});

/** There before the clock starts. */
async function streamOf(prefix: string): Promise<Topology> {
  const topology = createTopology(prefix);
  await ensureStream(connection, topology);
  return topology;
}

/** With every connection open before the clock starts. */
async function openDatabase({ databaseUrl, shards }: Route): Promise<Knex> {
  const poolSize = CONNECTIONS_PER_SHARD * shards;
  const db = connect({ url: databaseUrl, poolSize, applicationName: 'bench-relay' });
  await Promise.all(Array.from({ length: poolSize }, () => db.raw('select pg_sleep(0.05)')));
  return db;
}

async function withDatabase<T>(route: Route, use: (db: Knex) => Promise<T>): Promise<T> {
  const db = await openDatabase(route);
  try {
    await streamOf(route.prefix);
    return await use(db);
  } finally {
    await db.destroy();
  }
}

answerRequests((request) => answer(requestSchema.parse(request)));
