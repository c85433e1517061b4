import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { z } from 'zod';
import { bundleCache, cacheRoot } from '../../dev/servers/cache.ts';
import { timeSkippingServerPath } from '../../dev/servers/time-skipping.ts';
import { SEARCH_ATTRIBUTES } from '../../domain/topology.ts';
import { newId } from '../../platform/clock.ts';
import { loadConfig } from '../../platform/config.ts';
import { dataConverter } from '../../platform/temporal-data.ts';
import { cachedWorkflows } from '../../worker/workflow-bundle.ts';
import { progress, testDataDir } from './servers.ts';

/** `temporal.api.enums.v1.IndexedValueType`. */
const KEYWORD = 2;

let bundle: ReturnType<typeof cachedWorkflows> | undefined;
/**
 * The sagas, bundled as the worker bundles them, once per run. With a logger of its own: the SDK's comes with a runtime,
 * which ends with the workers of a process only.
 */
export const sagaBundle = (): Promise<{ code: string }> => (bundle ??= keptBundle());

/** Of an earlier run, while the sources are the same. */
const keptBundle = async (): Promise<{ code: string }> =>
  cachedWorkflows(bundleCache(await cacheRoot()), new DefaultLogger('ERROR'));

let bundleFile: Promise<string> | undefined;
/** The same in a file, for workers that are processes of their own. */
export const sagaBundleFile = (): Promise<string> => (bundleFile ??= writeBundle());

async function writeBundle(): Promise<string> {
  const file = join(await testDataDir(), 'workflow-bundle.js');
  await writeFile(file, (await sagaBundle()).code);
  return file;
}

let isInstalled = false;

/** Only errors: failing activities are what the tests are about. Once per process, before the SDK is used. */
export function quietRuntime(): void {
  if (isInstalled) return;
  isInstalled = true;
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: { core: 'ERROR', other: 'ERROR' }, forward: {} } },
  });
}

export interface WorkflowEnvironment {
  readonly client: Client;
  /** Lets time pass in the test server, in ms; timers in it come due. */
  sleep(ms: number): Promise<void>;
  /** Workflows started here run with the activities that were given. */
  readonly taskQueue: string;
  close(): Promise<void>;
}

/**
 * A Temporal test server in which days pass in no time, and one worker that runs these activities.
 * @param bundleOf the worker's workflows; the sagas when it is left out
 * @param cachedWorkflows 0: every workflow task begins with the history alone, as on a worker that has just started; the
 * variable CACHED_WORKFLOWS sets it for a whole run of tests
 */
export async function createWorkflowEnvironment(
  activities: object,
  bundleOf = sagaBundle,
  cachedWorkflows = cachedInThisRun(),
): Promise<WorkflowEnvironment> {
  quietRuntime();
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    client: { dataConverter },
    server: { executable: { type: 'existing-path', path: await timeSkippingServerPath(progress) } },
  });
  // An attribute that the server does not know fails the workflow task, for ever.
  await environment.connection.operatorService.addSearchAttributes({
    namespace: environment.client.options.namespace,
    searchAttributes: Object.fromEntries(Object.values(SEARCH_ATTRIBUTES).map((name) => [name, KEYWORD])),
  });
  const taskQueue = `test-${newId()}`;
  const worker = await Worker.create({
    connection: environment.nativeConnection,
    taskQueue,
    dataConverter,
    workflowBundle: await bundleOf(),
    activities,
    ...(cachedWorkflows === undefined ? {} : { maxCachedWorkflows: cachedWorkflows }),
  });
  const running = worker.run();
  return {
    client: environment.client,
    taskQueue,
    sleep: (ms) => environment.sleep(ms),
    close: async () => {
      worker.shutdown();
      await running;
      await environment.teardown();
    },
  };
}

function cachedInThisRun(): number | undefined {
  const { CACHED_WORKFLOWS } = loadConfig(z.object({ CACHED_WORKFLOWS: z.coerce.number().int().optional() }));
  return CACHED_WORKFLOWS;
}
