import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { temporalAddress } from './servers.ts';
import { createSagaNamespace, type SagaWorker } from './saga-worker.ts';
import { quietRuntime } from './workflow-env.ts';

/** Whose workflow tasks can be stopped while activities run on, as when a worker dies and another one does not. */
export interface PausableSagaWorker extends SagaWorker {
  /** Ends when no workflow task runs any more; what arrives from then on waits for the next one. */
  stopWorkflows(): Promise<void>;
  /** Each workflow gets all that has arrived in one workflow task, with its history alone to go by. */
  startWorkflows(): Promise<void>;
}

/** Two workers on one task queue of a real Temporal server: one for workflows and local activities, one for the others. */
export async function startPausableSagaWorker(
  bundle: () => Promise<WorkflowBundleOption>,
  activities: object,
): Promise<PausableSagaWorker> {
  quietRuntime();
  const workflowBundle = await bundle();
  const { namespace, taskQueue } = await createSagaNamespace();
  const address = await temporalAddress();
  const [connection, native] = await Promise.all([
    Connection.connect({ address }),
    NativeConnection.connect({ address }),
  ]);
  const shared = { connection: native, namespace, taskQueue, activities };
  const run = async (options: object): Promise<() => Promise<void>> => {
    const worker = await Worker.create({ ...shared, ...options });
    const running = worker.run();
    return async () => {
      worker.shutdown();
      await running;
    };
  };
  const startWorkflows = (): Promise<() => Promise<void>> =>
    run({
      workflowBundle,
      enableNonLocalActivities: false,
      // What is scheduled for the worker that was stopped goes to the next one at once.
      stickyQueueScheduleToStartTimeout: '100 ms',
    });
  const stopActivities = await run({});
  let stopWorkflows = await startWorkflows();
  return {
    client: new Client({ connection, namespace }),
    taskQueue,
    stopWorkflows: () => stopWorkflows(),
    startWorkflows: async () => {
      stopWorkflows = await startWorkflows();
    },
    close: async () => {
      await stopWorkflows();
      await stopActivities();
      await Promise.all([connection.close(), native.close()]);
    },
  };
}
