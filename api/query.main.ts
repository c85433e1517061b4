import { connect } from '../db/connection.ts';
import { pingTables } from '../db/readiness.ts';
import { createTopology } from '../domain/topology.ts';
import { connectMessaging } from '../messaging/connection.ts';
import { createStreamFollower } from '../messaging/follow-stream.ts';
import { openHistory } from '../messaging/history.ts';
import { authSettingsOf } from '../platform/auth-settings.ts';
import { systemClock } from '../platform/clock.ts';
import { limitsOf, loadConfig, queryApiSchema } from '../platform/config.ts';
import { listen } from '../platform/http-server.ts';
import { createLogger } from '../platform/logger.ts';
import { createRegistry } from '../platform/metrics.ts';
import { configOrExit, runProcess } from '../platform/run-process.ts';
import { createExports } from './analytics/exports.ts';
import { createAuthentication } from './auth/authentication.ts';
import { refuseUnheard } from './limits/refuse-unheard.ts';
import { answerUnreadable } from './limits/unreadable-requests.ts';
import { createLiveConnections } from './live/live-connections.ts';
import { createQueryApp } from './query-app.ts';
import { followAppliedViews } from './reading/applied-views.ts';
import { createViewWatch } from './reading/view-watch.ts';

const config = configOrExit(() => loadConfig(queryApiSchema));
const logger = createLogger('query-api', config.LOG_LEVEL);

await runProcess(logger, config.SHUTDOWN_TIMEOUT_MS, async () => {
  const registry = createRegistry('query-api');
  const db = connect({
    url: config.READ_DATABASE_URL ?? config.DATABASE_URL,
    poolSize: config.DATABASE_POOL_SIZE,
    applicationName: 'durable-orders-query-api',
  });
  // For live events and their history, and to keep copies of what is read often: without it the database is asked.
  const messaging = connectMessaging({
    url: config.NATS_URL,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    name: 'query-api',
    logger,
  });
  const topology = createTopology(config.STREAM_PREFIX);
  const exports = createExports({ atOnce: config.MAX_EXPORTS, timeoutMs: config.EXPORT_TIMEOUT_MS });
  const watch = createViewWatch({ db, capacity: config.MAX_WAITING_REQUESTS });
  const applied = followAppliedViews({ messaging, topology, clock: systemClock, logger });
  const follower = createStreamFollower({
    messaging,
    topology,
    onFailure: (err) => {
      logger.warn({ err }, 'readers of live events are sent away, because the stream cannot be read on');
    },
  });
  const connections = createLiveConnections({
    limits: {
      connections: config.MAX_LIVE_CONNECTIONS,
      perCaller: config.MAX_LIVE_CONNECTIONS_PER_CALLER,
    },
    clock: systemClock,
    logger,
    registry,
  });
  const app = createQueryApp({
    live: { follower, topology, connections },
    exports,
    openHistory: () =>
      openHistory(messaging, topology, (err, streamSequence) => {
        logger.warn({ err, streamSequence }, 'a message is left out of an export because it cannot be read');
      }),
    db,
    watch,
    tokenWaits: { ms: config.READ_TOKEN_WAIT_MS, maxSeconds: config.MAX_WAIT_S },
    applied,
    maxCachedOrders: config.READ_CACHE_ORDERS,
    clock: systemClock,
    ui: { url: config.TEMPORAL_UI_URL, namespace: config.TEMPORAL_NAMESPACE },
    freshOrderWaitMs: config.FRESH_ORDER_WAIT_MS,
    authenticate: createAuthentication(authSettingsOf(config), systemClock),
    limits: limitsOf(config),
    localOnly: config.AUTH_DEMO,
    logger,
    registry,
    checks: { postgres: () => pingTables(db, 'queryApi') },
  });
  const server = await listen(app, config.HOST, config.PORT, {
    onUnreadable: answerUnreadable(logger),
    refuse: refuseUnheard(registry),
  });
  logger.info({ port: server.port }, 'listening');
  return {
    close: async () => {
      // First, since the server's end waits for those who wait, and for those who would never end by themselves, or
      // take longer than there is time.
      watch.close();
      connections.close();
      exports.stop();
      await server.close();
      applied.close();
      await follower.close();
      await messaging.close();
      await db.destroy();
    },
  };
});
