import { connect } from '../db/connection.ts';
import { createTopology } from '../domain/topology.ts';
import { connectMessaging } from '../messaging/connection.ts';
import { migrateSchema } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { terminal } from '../platform/terminal.ts';
import { configureTool } from '../platform/tool.ts';
import { projections } from './projections.ts';
import { parseRequest, usage, UsageError, type RebuildRequest } from './rebuild/arguments.ts';
import { reachStream } from './rebuild/reach-stream.ts';
import { rebuild } from './rebuild/rebuild.ts';
import { dropPrevious, rollback } from './rebuild/rollback.ts';

function requestOrExit(): RebuildRequest {
  try {
    return parseRequest(process.argv.slice(2), projections);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.error(`${error.message}\n\n${usage(projections)}`);
    process.exit(2);
  }
}

const { wanted, action, incomplete } = requestOrExit();
const { config, explain } = configureTool(migrateSchema, ['DATABASE_URL', 'READ_DATABASE_URL', 'NATS_URL']);
const tell = (line: string): void => {
  terminal.error(line);
};
const settings = { poolSize: 4, applicationName: 'durable-orders-rebuild' };
const write = connect({ ...settings, url: config.DATABASE_URL });
const read = connect({ ...settings, url: config.READ_DATABASE_URL ?? config.DATABASE_URL });
const messaging = connectMessaging({
  url: config.NATS_URL,
  user: config.NATS_USER,
  password: config.NATS_PASSWORD,
  // Reads what a projector reads, with its rights.
  name: 'projector',
  logger: createLogger('rebuild', config.LOG_LEVEL),
});
try {
  if (action === 'drop-previous') await dropPrevious(read, wanted, tell);
  else {
    const connection = await reachStream(messaging, config.NATS_URL);
    const topology = createTopology(config.STREAM_PREFIX);
    const deps = { write, read, connection, topology, pageSize: config.REBUILD_PAGE_SIZE, tell };
    if (action === 'rollback') await rollback(deps, wanted);
    else {
      const isSame = await rebuild(deps, wanted, { checkOnly: action === 'check', incomplete });
      if (action === 'check' && !isSame) process.exitCode = 1;
    }
  }
} catch (error) {
  terminal.error(error instanceof Error ? `${error.name}: ${explain(error)}` : error);
  process.exitCode = 1;
} finally {
  await messaging.close();
  await Promise.all([write.destroy(), read.destroy()]);
}
