import { availableParallelism, hostname } from 'node:os';
import type { Client } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import express from 'express';
import { createAuditActivities } from '../activities/audit/activities.ts';
import { runSimulatedParcels } from '../activities/shipping/simulated-parcels.ts';
import { createSagaWatchActivities } from '../activities/saga-watch/activities.ts';
import { provenanceFor } from '../activities/saga-watch/provenance.ts';
import { createRelayActivities } from '../activities/outbox-relay/activities.ts';
import { createHousekeepingActivities } from '../activities/outbox-relay/housekeeping.ts';
import { connect } from '../db/connection.ts';
import { hasOrderEnded } from '../db/open-orders.ts';
import { pingTables } from '../db/readiness.ts';
import { createTopology } from '../domain/topology.ts';
import { connectMessaging, pingMessaging } from '../messaging/connection.ts';
import { createNudge } from '../messaging/nudge.ts';
import { systemClock } from '../platform/clock.ts';
import { deploymentVersionOf, loadConfig, sagaSettingsOf, workerSchema } from '../platform/config.ts';
import { closingAfter } from '../platform/first-error.ts';
import { listen } from '../platform/http-server.ts';
import { createLogger } from '../platform/logger.ts';
import { createRegistry } from '../platform/metrics.ts';
import { createOperationsRouter } from '../platform/operations.ts';
import type { NotReady } from '../platform/readiness.ts';
import { configOrExit, runProcess } from '../platform/run-process.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { createBooks, createSagaActivities } from './activities.ts';
import { watchStreamAhead } from './ahead-watch.ts';
import { createDeploymentHealth } from './deployment-watch.ts';
import { createFaultDials, type Faults } from './fault-dials.ts';
import { answerDialErrors, letInLocal } from './dial-requests.ts';
import { createRelayHealth } from './relay-health.ts';
import { createSagaExaminer } from './saga-examiner.ts';
import { createSagaHealthReport } from './saga-health-metrics.ts';
import { createSagaWatchMetrics } from './saga-watch-metrics.ts';
import { slotsFor } from './slots.ts';
import { createHeldBackMetrics, createStarterMetrics } from './starter-metrics.ts';
import { createTemporalSagaRuns } from './temporal-saga-runs.ts';
import { createTemporalSagaTasks } from './temporal-saga-tasks.ts';
import { pingTemporal } from './temporal-connection.ts';
import { installRuntime } from './temporal-runtime.ts';
import { runTemporalSide } from './temporal-side.ts';
import { createAuditMetrics } from './audit-metrics.ts';
import { createOrderMetrics, createRelayMetrics, createStepMetrics } from './worker-metrics.ts';

const RELAY_POOL_SIZE = 4;
const AUDIT_POOL_SIZE = 2;

const config = configOrExit(() => loadConfig(workerSchema));
const logger = createLogger('worker', config.LOG_LEVEL);

await runProcess(logger, config.SHUTDOWN_TIMEOUT_MS, async () => {
  const temporalMetrics = await installRuntime(logger, (sighting) => {
    examiner.suspect(sighting);
  });
  const registry = createRegistry('worker');
  const database = { url: config.DATABASE_URL, applicationName: 'durable-orders-worker' };
  const db = connect({ ...database, poolSize: config.DATABASE_POOL_SIZE });
  // A pool of its own, so that the relay does not queue behind the sagas' steps.
  const relayDb = connect({ ...database, poolSize: RELAY_POOL_SIZE });
  // And others, so that an audit's long statements are in nobody's way; the read tables may be elsewhere.
  const auditDb = connect({ ...database, poolSize: AUDIT_POOL_SIZE });
  const readDb = connect({
    ...database,
    url: config.READ_DATABASE_URL ?? config.DATABASE_URL,
    poolSize: AUDIT_POOL_SIZE,
  });
  const topology = createTopology(config.STREAM_PREFIX);
  const messaging = connectMessaging({
    url: config.NATS_URL,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    name: 'worker',
    logger,
  });
  const ahead = watchStreamAhead(relayDb, registry);
  const draining = new AbortController();
  const faults: Faults = {
    inventory: { failureRate: config.INVENTORY_FAILURE_RATE, latencyMs: config.INVENTORY_LATENCY_MS },
    payment: { refundFailureRate: config.PAYMENT_REFUND_FAILURE_RATE, outage: false },
    carrier: {
      refusalRate: config.CARRIER_REFUSAL_RATE,
      timeoutRate: config.CARRIER_TIMEOUT_RATE,
      lossRate: config.CARRIER_LOSS_RATE,
      dispatchMs: config.CARRIER_DISPATCH_MS,
      deliveryMs: config.CARRIER_DELIVERY_MS,
      outage: false,
    },
    books: {
      payment: { failureRate: config.PAYMENT_BOOKS_FAILURE_RATE },
      carrier: { failureRate: config.CARRIER_BOOKS_FAILURE_RATE },
    },
  };
  const countEnded = createOrderMetrics(registry);
  const logNoticeFailure = (error: unknown): void => {
    logger.warn({ err: error }, 'notices of the carrier were not heard yet');
  };
  const relayHealth = createRelayHealth(registry, systemClock);
  const sagaHealth = createSagaHealthReport({ registry, logger, clock: systemClock, readDb });
  const deploymentVersion = deploymentVersionOf(config);
  const deploymentHealth = deploymentVersion && createDeploymentHealth(deploymentVersion);

  let examining: Promise<void> | undefined;
  const server = temporalServerOf(config);
  let temporal: NativeConnection | undefined;
  let temporalClient: Client | undefined;
  let temporalProblem: NotReady | undefined;
  let schedulesRefused: NotReady | undefined;
  const askTemporal = (): Promise<void> => pingTemporal(temporal, server, temporalProblem);

  const sagaActivities = createSagaActivities({
    db,
    clock: systemClock,
    nudge: createNudge(messaging, topology),
    faults,
    payment: { latencyMs: config.PAYMENT_LATENCY_MS, timeoutMs: config.PAYMENT_TIMEOUT_MS },
    carrier: { latencyMs: config.CARRIER_LATENCY_MS, timeoutMs: config.CARRIER_TIMEOUT_MS },
    onEnded: (ended) => {
      countEnded(ended);
      const { id, status, cancelReason } = ended.order;
      logger.info(
        { orderId: id, status, cancelReason, traceId: ended.events[0]?.traceparent.split('-')[1] },
        'order ended',
      );
    },
  });
  const client = (): Client => {
    if (!temporalClient) throw new Error('Temporal has not been reached yet');
    return temporalClient;
  };
  const sagaRuns = createTemporalSagaRuns({ client, sagaSettings: sagaSettingsOf(config) });
  const examiner = createSagaExaminer({
    db: auditDb,
    readDb,
    tasks: createTemporalSagaTasks(client),
    clock: systemClock,
    deadlines: sagaSettingsOf(config).deadlines,
    everyMs: config.SAGA_WATCH_INTERVAL_MS,
    onFailing: sagaHealth.onFailing,
    logger,
  });
  const outbox = { db: relayDb, messaging, topology };
  const outboxActivities = {
    ...createRelayActivities({
      ...outbox,
      owner: `${hostname()}:${process.pid}`,
      observer: relayHealth.watching(createRelayMetrics(registry, relayDb, logger)),
      shutdown: draining.signal,
      askTemporal,
    }),
    ...createHousekeepingActivities({
      ...outbox,
      clock: systemClock,
      retentionMs: config.OUTBOX_RETENTION_MS,
      keyTtlMs: config.IDEMPOTENCY_KEY_TTL_MS,
    }),
    ...createAuditActivities({
      db: auditDb,
      readDb,
      messaging,
      topology,
      ...createBooks({
        db: auditDb,
        payment: { latencyMs: config.PAYMENT_LATENCY_MS, faults: faults.books.payment },
        carrier: { latencyMs: config.CARRIER_LATENCY_MS, faults: faults.books.carrier },
      }),
      settleWithinMs: config.AUDIT_SETTLE_MS,
      onReport: createAuditMetrics(registry, logger),
      sagas: sagaRuns,
      orphanAfterMs: config.SAGA_ORPHAN_AFTER_MS,
    }),
    ...createSagaWatchActivities({
      db: auditDb,
      clock: systemClock,
      sagas: sagaRuns,
      isPaused: () => ahead.isAhead,
      orphanAfterMs: config.SAGA_ORPHAN_AFTER_MS,
      provenanceFor: (saga, orderId) => provenanceFor({ messaging, topology }, saga, orderId),
      ...createSagaWatchMetrics(registry, logger, config.SAGA_WATCH_INTERVAL_MS),
    }),
  };

  const app = express();
  app.enable('case sensitive routing').enable('strict routing').disable('x-powered-by');
  if (config.FAULT_DIALS) app.use(letInLocal);
  app.use(
    createOperationsRouter({
      registry,
      logger,
      moreMetrics: temporalMetrics,
      checks: {
        postgres: () => pingTables(db, 'worker'),
        nats: async () => {
          await pingMessaging(messaging);
          await relayHealth.checkStored();
        },
        temporal: askTemporal,
        outbox: () =>
          Promise.resolve().then(() => {
            ahead.assertNotAhead();
          }),
      },
      // Not a reason to take this worker out of service: any worker may run the relays, sagas go on without them, and those
      // that fail would fail elsewhere.
      degradations: {
        relays: relayHealth.check,
        sagas: sagaHealth.check,
        schedules: () => (schedulesRefused ? Promise.reject(schedulesRefused) : Promise.resolve()),
        ...(deploymentHealth && { deployment: deploymentHealth.check }),
      },
    }),
  );
  if (config.FAULT_DIALS) app.use(createFaultDials(faults), answerDialErrors(logger));
  const httpServer = await listen(app, config.HOST, config.PORT);
  logger.info({ port: httpServer.port }, 'listening');

  // Not caught here: when it fails, the process ends with an error and whoever runs it starts it again.
  const temporalSide = runTemporalSide(
    {
      server,
      bundle: { built: config.WORKFLOW_BUNDLE, cache: config.WORKFLOW_BUNDLE_CACHE },
      messaging,
      topology,
      sagaSettings: sagaSettingsOf(config),
      runCarrier: (notify, signal) =>
        runSimulatedParcels(
          { db, clock: systemClock, notify, faults: faults.carrier, onFailure: logNoticeFailure },
          signal,
        ),
      sagaActivities,
      outboxActivities,
      slots: slotsFor({
        cores: availableParallelism(),
        poolSize: config.DATABASE_POOL_SIZE,
        limit: config.WORKER_CONCURRENCY,
      }),
      auditEveryMs: config.AUDIT_INTERVAL_MS,
      sagaWatchEveryMs: config.SAGA_WATCH_INTERVAL_MS,
      onRelays: relayHealth.seen,
      onSchedules: (problem) => {
        schedulesRefused = problem;
      },
      onProblem: (problem) => {
        temporalProblem = problem;
      },
      onVersion: (status) => deploymentHealth?.seen(status),
      hasEnded: (shipmentWorkflowId) => hasOrderEnded(db, shipmentWorkflowId.replace(/^shipment-/, '')),
      stepMetrics: createStepMetrics(registry),
      ahead,
      deploymentVersion,
      onUnreadable: createStarterMetrics(registry, logger),
      onHeldBack: createHeldBackMetrics(registry, logger),
      logger,
      onConnected: (connection, client) => {
        temporal = connection;
        temporalClient = client;
        if (config.SAGA_WATCH_INTERVAL_MS > 0) examining = examiner.run(draining.signal);
      },
    },
    draining.signal,
  );

  return {
    close: async () => {
      draining.abort();
      ahead.close();
      const closeOthers = async (): Promise<void> => {
        await httpServer.close();
        await messaging.close();
        await Promise.all([db, relayDb, auditDb, readDb].map((pool) => pool.destroy()));
      };
      await closingAfter(
        async () => {
          await temporalSide;
          await examining;
        },
        closeOthers,
        (error) => {
          logger.error({ err: error }, 'another error followed while stopping');
        },
      );
    },
  };
});
