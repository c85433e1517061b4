import { setTimeout as pause } from 'node:timers/promises';
import { examineOrder, findOrphans, type SearchDeps } from '../activities/saga-watch/find-orphans.ts';
import { provenanceFor } from '../activities/saga-watch/provenance.ts';
import { restartOrphan, restartOrphans, type Restart } from '../activities/saga-watch/restart-orphans.ts';
import { connect } from '../db/connection.ts';
import { orphansIn } from '../domain/saga-watch.ts';
import { createTopology, orderWorkflowId, shipmentWorkflowId } from '../domain/topology.ts';
import { connectMessaging } from '../messaging/connection.ts';
import { systemClock } from '../platform/clock.ts';
import { sagaSettingsOf, sagasSchema } from '../platform/config.ts';
import { createLogger } from '../platform/logger.ts';
import { messageOf } from '../platform/error-serializer.ts';
import { jsonText, terminal } from '../platform/terminal.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { configureTool } from '../platform/tool.ts';
import { readProgress } from './saga-progress.ts';
import { readArguments, usage, type SagasCommand } from './sagas-arguments.ts';
import { connectClient } from './temporal-client.ts';
import { createTemporalSagaRuns } from './temporal-saga-runs.ts';
import { clearProgress, showProgress } from './terminal-progress.ts';

const FOUND = 1;
const CANNOT_LOOK = 2;
/** NATS only tells which event a saga belongs to; without it a saga that starts again begins a new trace. */
const NATS_WITHIN_MS = 2_000;

function fail(text: string): never {
  terminal.error(text);
  process.exit(CANNOT_LOOK);
}
function commandOrExit(): SagasCommand {
  try {
    return readArguments(process.argv.slice(2));
  } catch (error) {
    return fail(`${messageOf(error)}\n\n${usage}`);
  }
}

const command = commandOrExit();
const { config, explain } = configureTool(
  sagasSchema,
  ['DATABASE_URL', 'NATS_URL', 'TEMPORAL_ADDRESS'],
  CANNOT_LOOK,
);
const temporal = await connectClient(temporalServerOf(config)).catch((error: unknown) =>
  fail(explain(error)),
);
const db = connect({ url: config.DATABASE_URL, poolSize: 4, applicationName: 'durable-orders-sagas' });
const messaging = connectMessaging({
  url: config.NATS_URL,
  user: config.NATS_USER,
  password: config.NATS_PASSWORD,
  // The server lets each of its users hear only answers that are its own.
  name: config.NATS_USER ?? 'sagas',
  logger: createLogger('sagas', 'silent'),
});
const topology = createTopology(config.STREAM_PREFIX);
const deps = {
  db,
  clock: systemClock,
  orphanAfterMs: config.SAGA_ORPHAN_AFTER_MS,
  sagas: createTemporalSagaRuns({ client: () => temporal.client, sagaSettings: sagaSettingsOf(config) }),
  provenanceFor: (...of: [saga: 'order' | 'shipment', orderId: string]) =>
    provenanceFor({ messaging, topology }, ...of),
  onRestarted: ({ workflowId, reason }: Restart) => {
    clearProgress();
    terminal.log(`${workflowId} is started again; it was ${reason}`);
  },
  onFailed: (error: unknown, { workflowId }: Restart) => {
    clearProgress();
    terminal.error(`${workflowId} could not be started: ${messageOf(error)}`);
  },
};

try {
  process.exitCode = await run();
} catch (error) {
  clearProgress();
  terminal.error('the sagas could not be looked at:', explain(error));
  process.exitCode = CANNOT_LOOK;
} finally {
  await messaging.close();
  await temporal.close();
  await db.destroy();
}

async function run(): Promise<number> {
  if (command.name === 'orphans') return showOrphans(deps, command.json);
  if (command.name === 'show') return showSagas(command.orderId);
  await Promise.race([messaging.firstConnection, pause(NATS_WITHIN_MS, undefined, { ref: false })]);
  return command.name === 'restart' ? restartOne(command.orderId) : restartAll();
}

async function showOrphans(search: SearchDeps, json: boolean): Promise<number> {
  let examined = 0;
  let found = 0;
  for await (const page of findOrphans(search)) {
    clearProgress();
    for (const { order, saga, workflowId, reason } of page.orphans)
      terminal.log(
        json
          ? jsonText({ orderId: order.id, status: order.status, saga, workflowId, reason }, 0)
          : `${order.id}  ${order.status.padEnd(9)}  ${workflowId} is ${reason}`,
      );
    examined += page.examined;
    found += page.orphans.length;
    showProgress(`${examined} open orders examined, ${found} without a saga`);
  }
  clearProgress();
  // Programs read stdout.
  if (json) return found > 0 ? FOUND : 0;
  terminal.log(
    found === 0
      ? `all of ${examined} open orders have their saga`
      : `${found} of ${examined} open orders have no saga`,
  );
  return found > 0 ? FOUND : 0;
}

async function showSagas(orderId: string): Promise<number> {
  const workflowIds = [orderWorkflowId(orderId), shipmentWorkflowId(orderId)];
  const sagas = await Promise.all(
    workflowIds.map(async (workflowId) => {
      const progress = await readProgress(temporal.client, workflowId);
      return progress ? [{ workflowId, ...progress }] : [];
    }),
  );
  const found = sagas.flat();
  if (found.length === 0) {
    terminal.error(`Temporal has no saga of order ${orderId}: it was never started, or was forgotten`);
    return FOUND;
  }
  for (const saga of found) terminal.log(jsonText(saga));
  return 0;
}

async function restartOne(orderId: string): Promise<number> {
  const orphan = await examineOrder(deps, orderId);
  switch (orphan) {
    case 'NO SUCH ORDER':
      terminal.error(`there is no order ${orderId}`);
      return FOUND;
    case 'ENDED':
      terminal.error(`order ${orderId} has ended; it needs no saga`);
      return FOUND;
    case 'RUNNING':
      terminal.error(`the saga of order ${orderId} is running`);
      return FOUND;
    default:
      return (await restartOrphan(deps, orphan)) === 'FAILED' ? FOUND : 0;
  }
}

async function restartAll(): Promise<number> {
  const report = await restartOrphans(deps, undefined, ({ report: { examined, restarted } }) => {
    showProgress(`${examined} open orders examined, ${restarted} sagas started again`);
  });
  clearProgress();
  const { examined, restarted, failed } = report;
  terminal.log(
    `${examined} open orders examined, ${orphansIn(report)} without a saga, ${restarted} started again, ${failed} could not be started`,
  );
  return failed > 0 ? FOUND : 0;
}
