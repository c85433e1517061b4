import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { prepareNamespace } from '../../dev/servers/temporal-namespace.ts';
import { newId } from '../../platform/clock.ts';
import { dataConverter } from '../../platform/temporal-data.ts';
import { eventually } from './eventually.ts';
import { searchAttributes, temporalAddress } from './servers.ts';
import { quietRuntime } from './workflow-env.ts';

export interface SagaWorker {
  readonly client: Client;
  readonly taskQueue: string;
  close(): Promise<void>;
}

/** A worker on a real Temporal server, in a namespace of its own. @param bundle makes the code of its workflows */
export async function startSagaWorker(
  bundle: () => Promise<WorkflowBundleOption>,
  activities: object,
): Promise<SagaWorker> {
  quietRuntime();
  const workflowBundle = await bundle();
  const { namespace, taskQueue } = await createSagaNamespace();
  const address = await temporalAddress();
  const [connection, native] = await Promise.all([
    Connection.connect({ address }),
    NativeConnection.connect({ address }),
  ]);
  const worker = await Worker.create({
    connection: native,
    namespace,
    taskQueue,
    dataConverter,
    workflowBundle,
    activities,
  });
  const running = worker.run();
  return {
    client: new Client({ connection, namespace, dataConverter }),
    taskQueue,
    close: async () => {
      worker.shutdown();
      await running;
      await Promise.all([connection.close(), native.close()]);
    },
  };
}

/** A namespace, and the name of a task queue, that no other test uses. */
export async function createSagaNamespace(): Promise<{ namespace: string; taskQueue: string }> {
  const address = await temporalAddress();
  const namespace = `sagas-${newId()}`;
  await eventually(
    async () => {
      await prepareNamespace(address, { name: namespace, retentionDays: 1, searchAttributes });
      return true;
    },
    { what: `namespace ${namespace} can be used`, withinMs: 60_000 },
  );
  return { namespace, taskQueue: `sagas-${newId()}` };
}
