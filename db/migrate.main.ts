import { configOrExit } from '../platform/run-process.ts';
import { loadConfig, migrateSchema } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { installProjections } from '../projections/kit/install.ts';
import { projections } from '../projections/projections.ts';
import { connect } from './connection.ts';
import { migrate } from './migrate.ts';
import { grantRights } from './roles.ts';

const config = configOrExit(() => loadConfig(migrateSchema));
const logger = createLogger('migrate', config.LOG_LEVEL);
const settings = { poolSize: 2, applicationName: 'durable-orders-migrate' };
const write = connect({ ...settings, url: config.DATABASE_URL });
const read = connect({ ...settings, url: config.READ_DATABASE_URL ?? config.DATABASE_URL });
try {
  const applied = await migrate({ write, read });
  await installProjections(read, projections);
  const granted = await grantRights({ write, read });
  logger.info(
    { applied, granted },
    applied.length > 0 ? 'schema brought up to date' : 'schema is up to date',
  );
} finally {
  await Promise.all([write.destroy(), read.destroy()]);
}
