import { createTopology } from '../domain/topology.ts';
import { connectMessaging } from '../messaging/connection.ts';
import { migrateSchema } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { configureTool } from '../platform/tool.ts';
import { installProjections } from '../projections/kit/install.ts';
import { projections } from '../projections/projections.ts';
import { dueForDeploy, retire } from '../projections/rebuild/deploy.ts';
import { reachStream } from '../projections/rebuild/reach-stream.ts';
import { rebuild } from '../projections/rebuild/rebuild.ts';
import { connect } from './connection.ts';
import { migrate } from './migrate.ts';
import { grantRights } from './roles.ts';

const { config } = configureTool(migrateSchema, ['DATABASE_URL', 'READ_DATABASE_URL', 'NATS_URL']);
const logger = createLogger('migrate', config.LOG_LEVEL);
const settings = { poolSize: 4, applicationName: 'durable-orders-migrate' };
const write = connect({ ...settings, url: config.DATABASE_URL });
const read = connect({ ...settings, url: config.READ_DATABASE_URL ?? config.DATABASE_URL });
try {
  const applied = await migrate({ write, read });
  await installProjections(read, projections);
  const granted = await grantRights({ write, read });
  await deployProjections();
  logger.info(
    { applied, granted },
    applied.length > 0 ? 'schema brought up to date' : 'schema is up to date',
  );
} finally {
  await Promise.all([write.destroy(), read.destroy()]);
}

/** Processes of the release before go on until the swap. */
async function deployProjections(): Promise<void> {
  const tell = (line: string): void => {
    logger.info(line);
  };
  const due = await dueForDeploy(read, projections);
  if (due.build.length === 0) {
    if (due.retire.length > 0) await retire(read, due.retire, tell);
    return;
  }
  const messaging = connectMessaging({
    url: config.NATS_URL,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    // Reads what a projector reads, with its rights.
    name: 'projector',
    logger,
  });
  try {
    const connection = await reachStream(messaging, config.NATS_URL);
    const topology = createTopology(config.STREAM_PREFIX);
    const deps = { write, read, connection, topology, pageSize: config.REBUILD_PAGE_SIZE, tell };
    await rebuild(deps, due.build, { retired: due.retire });
  } finally {
    await messaging.close();
  }
}
