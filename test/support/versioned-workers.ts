import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import { childEnvironment } from '../../platform/config.ts';
import { eventually } from './eventually.ts';
import { fileWithPlanted } from './planted-bundle.ts';
import { projectRoot } from './project-root.ts';

export const DEPLOYMENT = 'orders-worker';

/** Settings of a worker of a version. @param bundle file with its workflows; those of this tree when it is left out */
export const versionEnv = (buildId: string, bundle?: string): Record<string, string> => ({
  TEMPORAL_DEPLOYMENT_NAME: DEPLOYMENT,
  TEMPORAL_WORKER_BUILD_ID: buildId,
  ...(bundle !== undefined && { WORKFLOW_BUNDLE: bundle }),
});

let newer: Promise<string> | undefined;
/** A file with workflows of which the order saga cannot replay what the present one has recorded, nor the other way round. */
export const newerBundleFile = (): Promise<string> =>
  (newer ??= fileWithPlanted(join(projectRoot, 'test/replay/planted/pause-before-charge.ts')));

interface Ran {
  readonly code: number | null;
  /** What it wrote to both streams. */
  readonly output: string;
}

/** Runs `npm run deployment` as a person would. @param env where Temporal is */
export const runDeployment = (env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    const command = ['--import', 'tsx', 'worker/deployment.main.ts', ...args];
    const options = {
      cwd: projectRoot,
      env: childEnvironment({ ...env, TEMPORAL_DEPLOYMENT_NAME: DEPLOYMENT }),
    };
    const child = execFile(process.execPath, command, options, (_error, out, err) => {
      resolve({ code: child.exitCode, output: out + err });
    });
  });

/** A saga, and the versions of the workers that it has met. */
interface SagaRun {
  readonly workflowId: string;
  readonly workflowType: string;
  /** Build ids in the order in which they ran it. */
  readonly builds: readonly string[];
  /** Why workflow tasks failed: code that cannot replay the history, or has a fault. */
  readonly failures: readonly string[];
}

/** News that came in while a task ended, which is repeated with it: `UNHANDLED_COMMAND` in Temporal's API. */
const CAME_BETWEEN = 1;

/** All sagas of a namespace. */
export async function sagaRuns(client: Client): Promise<SagaRun[]> {
  const runs: SagaRun[] = [];
  const query = "WorkflowType in ('orderSaga', 'shipmentSaga')";
  for await (const { workflowId, runId, type } of client.workflow.list({ query })) {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    const builds = new Set<string>();
    const failures: string[] = [];
    for (const {
      workflowTaskCompletedEventAttributes: done,
      workflowTaskFailedEventAttributes: failed,
    } of events ?? []) {
      if (done) builds.add(done.deploymentVersion?.buildId ?? 'unversioned');
      if (failed && Number(failed.cause) !== CAME_BETWEEN)
        failures.push(failed.failure?.message ?? `cause ${failed.cause}`);
    }
    runs.push({ workflowId, workflowType: type, builds: [...builds], failures });
  }
  return runs;
}

/** Waits until an order saga that has begun since then, by default from now on, runs on a version. */
export const untilOrdersRunOn = (client: Client, buildId: string, since = new Date()): Promise<true> => {
  const query = [
    "WorkflowType = 'orderSaga'",
    `TemporalWorkerDeploymentVersion = '${DEPLOYMENT}:${buildId}'`,
    `StartTime > '${since.toISOString()}'`,
  ].join(' and ');
  return eventually(async () => ((await client.workflow.count(query)).count > 0 ? true : undefined), {
    what: `an order saga runs on version ${buildId}`,
    withinMs: 60_000,
  });
};
