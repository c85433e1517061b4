import { availableParallelism } from 'node:os';
import { Client } from '@temporalio/client';
import { Registry } from 'prom-client';
import { connect } from '../../db/connection.ts';
import { sagaSettingsOf } from '../../platform/config.ts';
import { createLogger } from '../../platform/logger.ts';
import { dataConverter } from '../../platform/temporal-data.ts';
import { connectTemporal } from '../../worker/temporal-connection.ts';
import { installRuntime } from '../../worker/temporal-runtime.ts';
import { slotsFor } from '../../worker/slots.ts';
import { createStepMetrics } from '../../worker/worker-metrics.ts';
import { createWorkers } from '../../worker/workers.ts';
import type { PlacedOrder } from '../../domain/order-saga.ts';
import { answerRequests } from '../forked.ts';
import { monotonicMicros } from '../measure/clock.ts';
import { closedLoop } from '../measure/loops.ts';
import {
  activitiesThatDoNothing,
  outboxThatDoesNothing,
  shipped,
  shippedActivities,
  writeActivities,
} from './activities.ts';
import { acceptOrders, inventOrder } from './orders.ts';
import { requestSchema, settingsSchema, type VariantAnswer, type VariantRequest } from './protocol.ts';
import { runSaga } from './run-saga.ts';

/** One variant of the order saga: worker and client in one process, because an eager start needs that. */
const settings = settingsSchema.parse(JSON.parse(process.argv[2] ?? ''));
const logger = createLogger(settings.name, 'error');
await installRuntime(logger);
const db = connect({
  url: settings.databaseUrl,
  poolSize: shipped.DATABASE_POOL_SIZE,
  applicationName: settings.name,
});
const { address, namespace } = settings;
const connection = await connectTemporal(
  { namespace, connection: { address } },
  { logger },
  new AbortController().signal,
);
if (!connection) throw new Error('not connected');
const workers = await createWorkers({
  connection,
  namespace,
  bundle: { codePath: settings.bundle },
  sagaActivities: {
    shipped: () => shippedActivities(db),
    nothing: () => activitiesThatDoNothing,
    'per-write': () => ({ ...activitiesThatDoNothing, ...writeActivities(db) }),
  }[settings.activities](),
  outboxActivities: outboxThatDoesNothing,
  slots: slotsFor({ cores: availableParallelism(), poolSize: shipped.DATABASE_POOL_SIZE }),
  stepMetrics: createStepMetrics(new Registry()),
  ahead: { isAhead: false, assertNotAhead: () => undefined },
});
const client = new Client({ connection, namespace, dataConverter });
const running = Promise.all(workers.map((worker) => worker.run()));
const sagaSettings = { ...sagaSettingsOf(shipped), localSteps: settings.localSteps };
const ready: PlacedOrder[] = [];

async function answer(request: VariantRequest): Promise<VariantAnswer | undefined> {
  switch (request.ask) {
    case 'prepare': {
      const missing = Math.max(0, request.orders - ready.length);
      if (settings.activities !== 'nothing') ready.push(...(await acceptOrders(db, missing)));
      else ready.push(...Array.from({ length: missing }, inventOrder));
      return { is: 'prepared' };
    }
    case 'measure': {
      const processes = { ...request.processes, 'worker and client': process.pid };
      const measured = await closedLoop(request.concurrency, { ...request, processes }, async () => {
        const order = ready.shift();
        if (order) await runSaga(client, order, sagaSettings);
        return order !== undefined;
      });
      return { is: 'measured', measured, endedAtMicros: monotonicMicros() };
    }
    case 'end':
      for (const worker of workers) worker.shutdown();
      await running;
      await Promise.all([connection?.close(), db.destroy()]);
      process.exit(0);
  }
}

answerRequests((request) => answer(requestSchema.parse(request)));
