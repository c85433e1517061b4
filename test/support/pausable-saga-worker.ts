import type { WorkflowBundleOption } from '@temporalio/worker';
import { prepareSagaWorkers, runWorker, type SagaWorker } from './saga-worker.ts';

/** Its workflow tasks can be stopped while activities run on, as when one worker dies and another one does not. */
export interface PausableSagaWorker extends SagaWorker {
  /** Ends when no workflow task runs any more; what arrives from then on waits for the next start. */
  stopWorkflows(): Promise<void>;
  /** Each workflow gets all that has arrived in one workflow task, with its history alone to go by. */
  startWorkflows(): Promise<void>;
}

/** Two workers on one task queue of a real Temporal server: one for workflows and local activities, one for the others. */
export async function startPausableSagaWorker(
  bundle: () => Promise<WorkflowBundleOption>,
  activities: object,
): Promise<PausableSagaWorker> {
  const { options, workflowBundle, client, disconnect } = await prepareSagaWorkers(bundle);
  const startWorkflows = (): Promise<() => Promise<void>> =>
    runWorker({
      ...options,
      workflowBundle,
      activities,
      enableNonLocalActivities: false,
      // What is scheduled for the worker that was stopped goes to the next one at once.
      stickyQueueScheduleToStartTimeout: '100 ms',
    });
  const stopActivities = await runWorker({ ...options, activities });
  let stopWorkflows = await startWorkflows();
  return {
    client,
    taskQueue: options.taskQueue,
    stopWorkflows: () => stopWorkflows(),
    startWorkflows: async () => {
      stopWorkflows = await startWorkflows();
    },
    close: async () => {
      await stopWorkflows();
      await stopActivities();
      await disconnect();
    },
  };
}
