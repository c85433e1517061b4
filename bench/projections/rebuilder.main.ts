import { connect } from '../../db/connection.ts';
import { createTopology } from '../../domain/topology.ts';
import { connectMessaging } from '../../messaging/connection.ts';
import { migrateSchema } from '../../platform/config.ts';
import { createLogger } from '../../platform/logger.ts';
import { projections } from '../../projections/projections.ts';
import { rebuild } from '../../projections/rebuild/rebuild.ts';
import { answerRequests } from '../forked.ts';
import {
  rebuildRequestSchema,
  settingsSchema,
  type RebuildAnswer,
  type RebuildRequest,
  type Route,
} from './protocol.ts';

/** Rebuilds in a process of its own, as `npm run rebuild -- all` does. */
const { natsUrl } = settingsSchema.parse(JSON.parse(process.argv[2] ?? ''));
const { REBUILD_PAGE_SIZE: pageSize } = migrateSchema.pick({ REBUILD_PAGE_SIZE: true }).parse({});
const messaging = connectMessaging({ url: natsUrl, name: 'bench', logger: createLogger('bench', 'error') });
const connection = await messaging.firstConnection;

async function rebuildAll({ databaseUrl, prefix }: Route): Promise<RebuildAnswer> {
  const db = connect({ url: databaseUrl, poolSize: 4, applicationName: 'bench-rebuild' });
  const topology = createTopology(prefix);
  const tell = (): void => undefined;
  try {
    const startedAt = performance.now();
    const isSame = await rebuild({ write: db, read: db, connection, topology, pageSize, tell }, projections);
    if (!isSame) throw new Error('what was built is not what was live');
    return { is: 'rebuilt', seconds: (performance.now() - startedAt) / 1_000 };
  } finally {
    await db.destroy();
  }
}

async function answer(request: RebuildRequest): Promise<RebuildAnswer | undefined> {
  if (request.ask === 'rebuild') return rebuildAll(request.route);
  await messaging.close();
  process.exit(0);
}

answerRequests((request) => answer(rebuildRequestSchema.parse(request)));
