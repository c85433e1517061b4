import type { WorkerDeploymentVersion } from '@temporalio/common';
import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import type { AuditActivities } from '../domain/audit.ts';
import type { HousekeepingActivities, RelayActivities } from '../domain/relay.ts';
import type { SagaWatchActivities } from '../domain/saga-watch.ts';
import { OUTBOX_SHARDS, RELAY_TASK_QUEUE, SAGA_TASK_QUEUE } from '../domain/topology.ts';
import { dataConverter } from '../platform/temporal-data.ts';
import type { SagaActivities } from './activities.ts';
import { pauseWhileAhead, type AheadWatch } from './ahead-watch.ts';
import type { Slots } from './slots.ts';
import { observeSteps } from './step-observer.ts';
import type { StepMetrics } from './worker-metrics.ts';

export interface WorkerDeps {
  readonly connection: NativeConnection;
  readonly namespace: string;
  readonly bundle: WorkflowBundleOption;
  readonly sagaActivities: SagaActivities;
  readonly outboxActivities: RelayActivities & HousekeepingActivities & AuditActivities & SagaWatchActivities;
  /** Of the sagas' worker. */
  readonly slots: Slots;
  readonly stepMetrics: StepMetrics;
  readonly ahead: Pick<AheadWatch, 'isAhead' | 'assertNotAhead'>;
  /** Absent: the workers are unversioned. */
  readonly deploymentVersion?: WorkerDeploymentVersion | undefined;
}

/** Every relay, and beside them both kinds of housekeeping, an audit and the search for orphans. */
const OUTBOX_WORKFLOWS = OUTBOX_SHARDS + 4;
/** How long a task waits for the worker that has its workflow in memory, which may have died; then any takes it. */
const STICKY_FOR_MS = 3_000;
/** How long activities may take to end once the process drains. */
const GRACE_MS = 4_000;

/** Two workers: sagas and relays do not wait for each other's slots. */
export async function createWorkers(deps: WorkerDeps): Promise<[sagas: Worker, relays: Worker]> {
  const { connection, namespace, slots, deploymentVersion } = deps;
  const shared = {
    connection,
    namespace,
    dataConverter,
    workflowBundle: deps.bundle,
    shutdownGraceTime: GRACE_MS,
    ...(deploymentVersion && {
      workerDeploymentOptions: {
        version: deploymentVersion,
        useWorkerVersioning: true as const,
        // Shipments are open for weeks and relays never end: they go on with the newest code, which must be able to replay
        // them. Order sagas say otherwise.
        defaultVersioningBehavior: 'AUTO_UPGRADE' as const,
      },
    }),
  };
  const sagas = await Worker.create({
    ...shared,
    taskQueue: SAGA_TASK_QUEUE,
    activities: deps.sagaActivities,
    stickyQueueScheduleToStartTimeout: STICKY_FOR_MS,
    maxConcurrentWorkflowTaskExecutions: slots.workflowTasks,
    maxConcurrentWorkflowTaskPolls: slots.workflowPolls,
    maxConcurrentActivityTaskExecutions: slots.activities,
    maxConcurrentLocalActivityExecutions: slots.localActivities,
    interceptors: { activity: [observeSteps(deps.stepMetrics), pauseWhileAhead(deps.ahead)] },
  });
  const relays = await Worker.create({
    ...shared,
    taskQueue: RELAY_TASK_QUEUE,
    activities: deps.outboxActivities,
    maxConcurrentActivityTaskExecutions: OUTBOX_WORKFLOWS,
    maxConcurrentWorkflowTaskExecutions: OUTBOX_WORKFLOWS,
    maxCachedWorkflows: OUTBOX_WORKFLOWS,
  });
  return [sagas, relays];
}
