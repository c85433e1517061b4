import { connect } from '../../db/connection.ts';
import { createTopology } from '../../domain/topology.ts';
import { connectMessaging } from '../../messaging/connection.ts';
import { projectorSchema } from '../../platform/config.ts';
import { createLogger } from '../../platform/logger.ts';
import { announceVisible } from '../../projections/announce-visible.ts';
import { projections } from '../../projections/projections.ts';
import { runProjector } from '../../projections/projector.ts';
import { answerRequests } from '../forked.ts';
import { monotonicMicros } from '../measure/clock.ts';
import {
  requestSchema,
  settingsSchema,
  type Page,
  type ProjectorAnswer,
  type ProjectorRequest,
  type Projected,
  type Route,
} from './protocol.ts';

/** A projector in a process of its own, with the settings that it has in production. */
const { natsUrl } = settingsSchema.parse(JSON.parse(process.argv[2] ?? ''));
const { DATABASE_POOL_SIZE: poolSize, PROJECTION_PAGE_SIZE: pageSize } = projectorSchema
  .pick({ DATABASE_POOL_SIZE: true, PROJECTION_PAGE_SIZE: true })
  .parse({});
const messaging = connectMessaging({ url: natsUrl, name: 'bench', logger: createLogger('bench', 'error') });
await messaging.firstConnection;
let following: { stop(): Promise<Projected> } | undefined;

function follow({ databaseUrl, prefix }: Route): { stop(): Promise<Projected> } {
  const db = connect({ url: databaseUrl, poolSize, applicationName: 'bench-projector' });
  const stopping = new AbortController();
  const pages: Page[] = [];
  const failures: unknown[] = [];
  const topology = createTopology(prefix);
  const startedAtMicros = monotonicMicros();
  const running = runProjector(
    {
      db,
      messaging,
      topology,
      projections,
      owner: String(process.pid),
      pageSize,
      observer: {
        applied: (events) => {
          pages.push({ atMicros: monotonicMicros(), ids: events.map(({ id }) => id) });
        },
        gap: ({ event }) => failures.push(new Error(`an event is missing before ${event.id}`)),
        announcementIgnored: (error) => failures.push(error),
        failed: (error) => failures.push(error),
        restarted: (reason) => failures.push(new Error(reason)),
        currentAsOf: () => undefined,
        holds: () => undefined,
        visible: announceVisible(messaging, topology),
        parked: ({ cause }) => failures.push(new Error(`an event was parked: ${cause}`)),
        waiting: () => undefined,
      },
    },
    stopping.signal,
  );
  return {
    stop: async () => {
      stopping.abort();
      await running;
      await db.destroy();
      if (failures.length > 0)
        throw new AggregateError(failures, `the projector failed: ${String(failures[0])}`);
      return { startedAtMicros, pages };
    },
  };
}

async function answer(request: ProjectorRequest): Promise<ProjectorAnswer | undefined> {
  switch (request.ask) {
    case 'follow':
      following = follow(request.route);
      return { is: 'following' };
    case 'stop':
      if (!following) throw new Error('no projector runs');
      return { is: 'stopped', ...(await following.stop()) };
    case 'end':
      await messaging.close();
      process.exit(0);
  }
}

answerRequests((request) => answer(requestSchema.parse(request)));
