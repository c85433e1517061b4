import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkerOptions, type WorkflowBundleOption } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import { prepareNamespace } from '../../dev/servers/temporal-namespace.ts';
import { newId } from '../../platform/clock.ts';
import { dataConverter } from '../../platform/temporal-data.ts';
import { eventually } from './eventually.ts';
import { routedToModels, type Model } from './model-services.ts';
import { searchAttributes, temporalAddress } from './servers.ts';
import { quietRuntime, sagaBundle } from './workflow-env.ts';

export interface SagaWorker {
  readonly client: Client;
  readonly taskQueue: string;
  close(): Promise<void>;
}

/**
 * A worker on a real Temporal server, in a separate namespace.
 * @param bundle makes the code of its workflows
 * @param converter of an application whose failures have other codes
 */
export async function startSagaWorker(
  bundle: () => Promise<WorkflowBundleOption>,
  activities: object,
  converter: DataConverter = dataConverter,
): Promise<SagaWorker> {
  const { options, workflowBundle, client, disconnect } = await prepareSagaWorkers(bundle, converter);
  const stop = await runWorker({ ...options, workflowBundle, activities });
  return {
    client,
    taskQueue: options.taskQueue,
    close: async () => {
      await stop();
      await disconnect();
    },
  };
}

/** Registers hooks of mocha that run the sagas over models of their orders. */
export function useSagaModels(): { readonly models: Map<string, Model>; readonly worker: () => SagaWorker } {
  const models = new Map<string, Model>();
  let worker: SagaWorker | undefined;
  before(async function () {
    this.timeout(300_000);
    worker = await startSagaWorker(sagaBundle, routedToModels(models));
  });
  after(() => worker?.close());
  return {
    models,
    worker: () => {
      if (!worker) throw new Error('the worker has not been started yet');
      return worker;
    },
  };
}

interface SagaWorkers {
  readonly options: Pick<WorkerOptions, 'connection' | 'namespace' | 'dataConverter'> & {
    readonly taskQueue: string;
  };
  readonly workflowBundle: WorkflowBundleOption;
  readonly client: Client;
  readonly disconnect: () => Promise<void>;
}

/** What workers on one task queue share: a namespace and a task queue that no other test uses, and their connections. */
export async function prepareSagaWorkers(
  bundle: () => Promise<WorkflowBundleOption>,
  converter: DataConverter = dataConverter,
): Promise<SagaWorkers> {
  quietRuntime();
  const workflowBundle = await bundle();
  const address = await temporalAddress();
  const namespace = `sagas-${newId()}`;
  await eventually(
    async () => {
      await prepareNamespace(address, { name: namespace, retentionDays: 1, searchAttributes });
      return true;
    },
    { what: `namespace ${namespace} can be used`, withinMs: 60_000 },
  );
  const [connection, native] = await Promise.all([
    Connection.connect({ address }),
    NativeConnection.connect({ address }),
  ]);
  return {
    options: { connection: native, namespace, taskQueue: `sagas-${newId()}`, dataConverter: converter },
    workflowBundle,
    client: new Client({ connection, namespace, dataConverter: converter }),
    disconnect: async () => {
      await Promise.all([connection.close(), native.close()]);
    },
  };
}

/** @returns ends it */
export async function runWorker(options: WorkerOptions): Promise<() => Promise<void>> {
  const worker = await Worker.create(options);
  const running = worker.run();
  return async () => {
    worker.shutdown();
    await running;
  };
}
