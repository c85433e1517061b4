import { connect, type Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
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
      const { seconds, waits } = await withDatabase(route.prefix, openOutbox(route), (db) =>
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
      const { route } = request;
      const opening = openDatabase(route, (db) => db.raw(TAKEN));
      return published(
        await withDatabase(route.prefix, opening, (db, topology) => publishUnsent(db, connection, topology)),
      );
    }
    case 'follow': {
      const { route } = request;
      const db = await openOutbox(route);
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

/** So long that every connection of a pool has to take one. */
const TAKEN = 'select pg_sleep(0.05)';

/** The same, with what a connection keeps plans of: a relay keeps them for as long as it runs. */
const READ_NOTHING = `
  ${TAKEN}
  from (select count(*) from :schema:.outbox_open_window(0::smallint, pg_current_snapshot(), 1)) opened,
    (select count(*)
     from :schema:.outbox_window_page(0::smallint, pg_current_snapshot(), pg_current_snapshot(), 0, 0, 1)) page`;

/** With every connection open, and its plans made, before the clock starts. */
const openOutbox = (route: Route): Promise<Knex> =>
  openDatabase(route, (db) => db.raw(READ_NOTHING, { schema: OUTBOX_SCHEMA }));

async function openDatabase({ databaseUrl, shards }: Route, take: (db: Knex) => Knex.Raw): Promise<Knex> {
  const poolSize = CONNECTIONS_PER_SHARD * shards;
  const db = connect({ url: databaseUrl, poolSize, applicationName: 'bench-relay' });
  await Promise.all(Array.from({ length: poolSize }, () => take(db)));
  return db;
}

async function withDatabase<T>(
  prefix: string,
  opening: Promise<Knex>,
  use: (db: Knex, topology: Topology) => Promise<T>,
): Promise<T> {
  const db = await opening;
  try {
    return await use(db, await streamOf(prefix));
  } finally {
    await db.destroy();
  }
}

answerRequests((request) => answer(requestSchema.parse(request)));
