import { configOrExit } from '../platform/run-process.ts';
import { loadConfig, migrateSchema } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { connect } from './connection.ts';
import { migrate } from './migrate.ts';

const config = configOrExit(() => loadConfig(migrateSchema));
const logger = createLogger('migrate', config.LOG_LEVEL);
const db = connect({ url: config.DATABASE_URL, poolSize: 2, applicationName: 'durable-orders-migrate' });
try {
  const applied = await migrate(db);
  logger.info({ applied }, applied.length > 0 ? 'schema brought up to date' : 'schema is up to date');
} finally {
  await db.destroy();
}
