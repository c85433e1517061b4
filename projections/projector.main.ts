import { hostname } from 'node:os';
import express from 'express';
import { connect } from '../db/connection.ts';
import { pingTables } from '../db/readiness.ts';
import { createTopology } from '../domain/topology.ts';
import { connectMessaging, pingMessaging } from '../messaging/connection.ts';
import { loadConfig, projectorSchema } from '../platform/config.ts';
import { listen } from '../platform/http-server.ts';
import { createLogger } from '../platform/logger.ts';
import { createRegistry } from '../platform/metrics.ts';
import { createOperationsRouter } from '../platform/operations.ts';
import { configOrExit, runProcess } from '../platform/run-process.ts';
import { announceVisible } from './announce-visible.ts';
import { createProjectorMetrics } from './projector-metrics.ts';
import { projections } from './projections.ts';
import { runProjector } from './projector.ts';

const config = configOrExit(() => loadConfig(projectorSchema));
const logger = createLogger('projector', config.LOG_LEVEL);

await runProcess(logger, config.SHUTDOWN_TIMEOUT_MS, async () => {
  const registry = createRegistry('projector');
  const db = connect({
    url: config.READ_DATABASE_URL ?? config.DATABASE_URL,
    poolSize: config.DATABASE_POOL_SIZE,
    applicationName: 'durable-orders-projector',
  });
  const messaging = connectMessaging({
    url: config.NATS_URL,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    name: 'projector',
    logger,
  });
  const { observer, check } = createProjectorMetrics(registry, logger);
  const topology = createTopology(config.STREAM_PREFIX);
  const announce = announceVisible(messaging, topology);
  const draining = new AbortController();

  const app = express();
  app.enable('case sensitive routing').enable('strict routing').disable('x-powered-by');
  app.use(
    createOperationsRouter({
      registry,
      logger,
      checks: {
        postgres: () => pingTables(db, 'projector'),
        nats: () => pingMessaging(messaging),
        projection: check,
      },
    }),
  );
  const server = await listen(app, config.HOST, config.PORT);
  logger.info({ port: server.port }, 'listening');

  const projecting = runProjector(
    {
      db,
      messaging,
      topology,
      projections,
      owner: `${hostname()}:${process.pid}`,
      pageSize: config.PROJECTION_PAGE_SIZE,
      observer: {
        ...observer,
        visible: (progress) => {
          announce(progress);
          observer.visible(progress);
        },
      },
    },
    draining.signal,
  );
  return {
    close: async () => {
      draining.abort();
      await projecting;
      await server.close();
      await messaging.close();
      await db.destroy();
    },
  };
});
