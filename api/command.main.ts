import { Client } from '@temporalio/client';
import { connect } from '../db/connection.ts';
import { pingTables } from '../db/readiness.ts';
import { createTopology } from '../domain/topology.ts';
import { connectMessaging } from '../messaging/connection.ts';
import { createNudge } from '../messaging/nudge.ts';
import { authSettingsOf } from '../platform/auth-settings.ts';
import { systemClock } from '../platform/clock.ts';
import { commandApiSchema, limitsOf, loadConfig, sagaSettingsOf } from '../platform/config.ts';
import { listen } from '../platform/http-server.ts';
import { createLogger } from '../platform/logger.ts';
import { createRegistry } from '../platform/metrics.ts';
import { configOrExit, runProcess } from '../platform/run-process.ts';
import { dataConverter } from '../platform/temporal-data.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { createAuthentication } from './auth/authentication.ts';
import { createCommandApp } from './command-app.ts';
import { refuseUnheard } from './limits/refuse-unheard.ts';
import { answerUnreadable } from './limits/unreadable-requests.ts';
import { connectTemporalLazily } from './sagas/temporal-connection.ts';
import { createTemporalSagaControl } from './sagas/temporal-saga-control.ts';
import { createOrderWaits } from './waiting/order-waits.ts';

const config = configOrExit(() => loadConfig(commandApiSchema));
const logger = createLogger('command-api', config.LOG_LEVEL);

await runProcess(logger, config.SHUTDOWN_TIMEOUT_MS, async () => {
  const registry = createRegistry('command-api');
  const db = connect({
    url: config.DATABASE_URL,
    poolSize: config.DATABASE_POOL_SIZE,
    applicationName: 'durable-orders-command-api',
  });
  // Only for what operators decide about parked events: orders are accepted without it.
  const readDb =
    config.READ_DATABASE_URL === undefined
      ? db
      : connect({
          url: config.READ_DATABASE_URL,
          poolSize: 2,
          applicationName: 'durable-orders-command-api',
        });
  // Only to wake the relay early, and to hear what becomes of orders: they are accepted without it.
  const messaging = connectMessaging({
    url: config.NATS_URL,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    name: 'command-api',
    logger,
  });
  // Only for what running sagas are asked: orders are accepted without it, so readiness does not ask for it either.
  const server = temporalServerOf(config);
  const temporal = connectTemporalLazily(server);
  const topology = createTopology(config.STREAM_PREFIX);
  const waits = createOrderWaits({
    messaging,
    topology,
    logger,
    maxSeconds: config.MAX_WAIT_S,
    capacity: config.MAX_WAITING_REQUESTS,
  });
  const { app, queue, auditSettled } = createCommandApp({
    db,
    readDb,
    clock: systemClock,
    nudge: createNudge(messaging, topology),
    waits,
    sagas: createTemporalSagaControl({
      client: new Client({ connection: temporal, namespace: server.namespace, dataConverter }),
      settings: sagaSettingsOf(config),
    }),
    queue: { capacity: config.COMMAND_QUEUE_CAPACITY, batchSize: config.COMMAND_BATCH_SIZE },
    idempotency: { isRequired: config.IDEMPOTENCY_KEY_REQUIRED, keyTtlMs: config.IDEMPOTENCY_KEY_TTL_MS },
    authenticate: createAuthentication(authSettingsOf(config), systemClock),
    limits: limitsOf(config),
    localOnly: config.AUTH_DEMO,
    logger,
    registry,
    checks: { postgres: () => pingTables(db, 'commandApi') },
  });
  const httpServer = await listen(app, config.HOST, config.PORT, {
    onUnreadable: answerUnreadable(logger),
    refuse: refuseUnheard(registry),
  });
  logger.info({ port: httpServer.port }, 'listening');
  return {
    close: async () => {
      // First, since the server's end waits for them.
      waits.close();
      await httpServer.close();
      await queue.drain();
      await auditSettled();
      await temporal.close();
      await messaging.close();
      await db.destroy();
      if (readDb !== db) await readDb.destroy();
    },
  };
});
