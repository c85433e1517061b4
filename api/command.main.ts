import { connect, pingDatabase } from '../db/connection.ts';
import { createTopology } from '../domain/topology.ts';
import { connectMessaging } from '../messaging/connection.ts';
import { createNudge } from '../messaging/nudge.ts';
import { systemClock } from '../platform/clock.ts';
import { commandApiSchema, loadConfig } from '../platform/config.ts';
import { listen } from '../platform/http-server.ts';
import { createLogger } from '../platform/logger.ts';
import { createRegistry } from '../platform/metrics.ts';
import { configOrExit, runProcess } from '../platform/run-process.ts';
import { createCommandApp } from './command-app.ts';

const config = configOrExit(() => loadConfig(commandApiSchema));
const logger = createLogger('command-api', config.LOG_LEVEL);

await runProcess(logger, config.SHUTDOWN_TIMEOUT_MS, async () => {
  const db = connect({
    url: config.DATABASE_URL,
    poolSize: config.DATABASE_POOL_SIZE,
    applicationName: 'durable-orders-command-api',
  });
  // Only to wake the relay early: orders are accepted without it.
  const messaging = connectMessaging({
    url: config.NATS_URL,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    name: 'command-api',
    logger,
  });
  const { app, queue } = createCommandApp({
    db,
    clock: systemClock,
    nudge: createNudge(messaging, createTopology(config.STREAM_PREFIX)),
    queue: { capacity: config.COMMAND_QUEUE_CAPACITY, concurrency: config.COMMAND_QUEUE_CONCURRENCY },
    logger,
    registry: createRegistry('command-api'),
    checks: { postgres: () => pingDatabase(db) },
  });
  const server = await listen(app, config.HOST, config.PORT);
  logger.info({ port: server.port }, 'listening');
  return {
    close: async () => {
      await server.close();
      await queue.drain();
      await messaging.close();
      await db.destroy();
    },
  };
});
