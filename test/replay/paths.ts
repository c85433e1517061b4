import { createHash } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { AuditActivities, AuditReport } from '../../domain/audit.ts';
import type { HousekeepingActivities, RelayActivities } from '../../domain/relay.ts';
import { CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import type { SagaWatchActivities } from '../../domain/saga-watch.ts';
import {
  AUDIT_SCHEDULE_ID,
  HOUSEKEEPING_SCHEDULE_ID,
  KEYS_SCHEDULE_ID,
  orderWorkflowId,
  relayWorkflowId,
  SAGA_WATCH_SCHEDULE_ID,
  shipmentWorkflowId,
} from '../../domain/topology.ts';
import { placedOrder, sagaSettings } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { createFakeSteps, routedByOrder, type FakeSteps, type StepName } from '../support/fake-steps.ts';
import type { WorkflowEnvironment } from '../support/workflow-env.ts';
import { orderPaths, shipmentPaths, type SagaPath } from './saga-paths.ts';

/** A stage on which paths are recorded. */
interface Stage {
  readonly environment: WorkflowEnvironment;
  readonly fakes: Map<string, FakeSteps>;
}

/** Runs a workflow to the end of its path. */
type Path = (stage: Stage) => Promise<WorkflowHandle>;

/** Of this name always, so that a recording is like the one before. */
export function orderIdOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const sagaPath =
  (name: string, { saga, script, settings, cancelDuring, act, isOpen }: SagaPath): Path =>
  async ({ environment, fakes }) => {
    const { client, taskQueue } = environment;
    const order = placedOrder({ id: orderIdOf(name) });
    const { id, provenance } = order;
    const isOrder = saga === 'order';
    const workflowId = isOrder ? orderWorkflowId(id) : shipmentWorkflowId(id);
    const fake = createFakeSteps(script);
    fakes.set(id, cancelDuring ? cancelling(fake, cancelDuring, client, workflowId) : fake);
    const handle = await client.workflow.start(isOrder ? 'orderSaga' : 'shipmentSaga', {
      workflowId,
      taskQueue,
      args: [
        {
          order: isOrder ? order : { id, provenance },
          settings: sagaSettings({ undoAttempts: 3, ...settings }),
        },
      ],
    });
    // A saga that a cancellation ends takes no news any more.
    await act?.(handle, fake, environment).catch((error: unknown) => {
      if (cancelDuring === undefined) throw error;
    });
    if (isOpen !== true) await handle.result();
    return handle;
  };

/** Steps of which one waits until a cancellation is in the saga's history. */
function cancelling(fake: FakeSteps, during: StepName, client: Client, workflowId: string): FakeSteps {
  let isSent = false;
  const act = fake.steps[during] as (...args: unknown[]) => Promise<unknown>;
  const step = async (...args: unknown[]): Promise<unknown> => {
    if (!isSent) {
      isSent = true;
      const sending = client.workflow.getHandle(workflowId).startUpdate(CANCEL_UPDATE, {
        args: [{ reason: 'changed my mind' }],
        waitForStage: 'ACCEPTED',
      });
      // Refused past the point of no return, which is such a history as well.
      await Promise.allSettled([sending]);
    }
    return act(...args);
  };
  return { ...fake, steps: { ...fake.steps, [during]: step } };
}

const onePath =
  (workflowType: string, workflowId: string, ...args: unknown[]): Path =>
  async ({ environment: { client, taskQueue } }) => {
    const handle = await client.workflow.start(workflowType, { workflowId, taskQueue, args });
    await handle.result();
    return handle;
  };

/** From its start to the moment at which it continues as new. */
const relayPath: Path = async ({ environment: { client, taskQueue } }) => {
  const workflowId = relayWorkflowId(0);
  const first = await client.workflow.start('outboxRelay', { workflowId, taskQueue, args: [0] });
  const firstRun = client.workflow.getHandle(workflowId, first.firstExecutionRunId);
  await eventually(
    async () => ((await firstRun.describe()).status.name === 'CONTINUED_AS_NEW' ? true : undefined),
    { what: 'the relay continues as new', withinMs: 60_000 },
  );
  await client.workflow.getHandle(workflowId).terminate('recorded');
  return firstRun;
};

const named = (
  saga: SagaPath['saga'],
  paths: Readonly<Record<string, Omit<SagaPath, 'saga'>>>,
): [string, Path][] =>
  Object.entries(paths).map(([path, of]) => {
    const name = `${saga}-${path}`;
    return [name, sagaPath(name, { saga, ...of })];
  });

/** Every path that a workflow can take, by the name of its file. */
export const paths: ReadonlyMap<string, Path> = new Map([
  ...named('order', orderPaths),
  ...named('shipment', shipmentPaths),
  ['outbox-relay', relayPath],
  ['outbox-housekeeping', onePath('outboxHousekeeping', HOUSEKEEPING_SCHEDULE_ID)],
  ['keys-housekeeping', onePath('keysHousekeeping', KEYS_SCHEDULE_ID)],
  ['audit', onePath('audit', AUDIT_SCHEDULE_ID)],
  ['saga-watch', onePath('sagaWatch', SAGA_WATCH_SCHEDULE_ID)],
]);

const report: AuditReport = {
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:01.000Z',
  counts: {
    orders: 3,
    summaries: 3,
    outbox: {},
    stream: {},
    unreadable: 0,
    books: { charges: 3, refunds: 0, parcels: 3, foreign: 0 },
  },
  checks: [
    {
      name: 'stock',
      holds: 'on hand is what came in less what has left',
      looked: 3,
      drifted: 1,
      parked: 0,
      moving: 1,
      samples: ['TEA'],
      advice: 'look at TEA',
    },
  ],
};

/** What the workflows of all paths call. */
export function createPathActivities(
  fakes: ReadonlyMap<string, FakeSteps>,
): ReturnType<typeof routedByOrder> &
  RelayActivities &
  HousekeepingActivities &
  AuditActivities &
  SagaWatchActivities {
  let relayed = 0;
  return {
    ...routedByOrder(fakes),
    // The outbox needs a decision once; from then on an activity ends as it does when its time is over.
    relayOutbox: () =>
      relayed++ === 1
        ? Promise.reject(ApplicationFailure.nonRetryable('set back', 'OUTBOX_REFUSED'))
        : Promise.resolve(),
    keepOutboxPartitions: () => Promise.resolve({ created: ['outbox_p1'], dropped: [], postponed: [] }),
    removeExpiredKeys: () => Promise.resolve(3),
    auditSystem: () => Promise.resolve(report),
    restartOrphans: () =>
      Promise.resolve({ examined: 3, orphaned: { TERMINATED: 1 }, restarted: 1, failed: 0 }),
  };
}
