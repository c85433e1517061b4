import type { Client } from '@temporalio/client';
import type { WorkerDeploymentVersion } from '@temporalio/common';
import { grpcStatus, grpcStatusOf } from '../platform/temporal/grpc-status.ts';

/** What Temporal does with a version: `INACTIVE` never got work, `DRAINING` only goes on with what is pinned to it. */
export type VersionStatus = 'INACTIVE' | 'CURRENT' | 'RAMPING' | 'DRAINING' | 'DRAINED';

/** By the numbers of `WorkerDeploymentVersionStatus` in Temporal's API; 6 is a version without any worker so far. */
const statuses: readonly (VersionStatus | undefined)[] = [
  undefined,
  'INACTIVE',
  'CURRENT',
  'RAMPING',
  'DRAINING',
  'DRAINED',
  'INACTIVE',
];

export interface Version {
  readonly buildId: string;
  /** Undefined: of a kind that this code does not know. */
  readonly status: VersionStatus | undefined;
}

export interface Deployment {
  readonly name: string;
  /** Build id that gets new work; undefined: unversioned workers do. */
  readonly current: string | undefined;
  /** Build id that gets a share of new work instead, with that share in percent. Build id undefined: unversioned workers. */
  readonly ramping: { readonly buildId: string | undefined; readonly percent: number } | undefined;
  /** The newest first. */
  readonly versions: readonly Version[];
  /** What a change has to be based on. */
  readonly conflictToken: Uint8Array;
}

/** Workflows that run and stay with a version. */
interface PinnedWorkflows {
  readonly count: number;
  /** Ids of some of them. */
  readonly examples: readonly string[];
}

/** What a change to the routing is refused for, unless it is allowed. */
interface Allowances {
  /** A version that does not poll a task queue that the current one polls. */
  readonly ignoreMissingTaskQueues?: boolean;
  /** A version that no worker polls for. */
  readonly allowNoPollers?: boolean;
}

/** Worker Deployments as Temporal knows them. Each call is given up after 10 s. */
export interface Deployments {
  names(): Promise<string[]>;
  /** @returns undefined when no worker of this deployment has ever polled */
  describe(name: string): Promise<Deployment | undefined>;
  /** @returns undefined for a version that Temporal does not know (yet) */
  describeVersion(version: WorkerDeploymentVersion): Promise<Version | undefined>;
  /** Task queues that workers of the version have polled, each once. */
  taskQueuesOf(version: WorkerDeploymentVersion): Promise<string[]>;
  /** @param buildId undefined: unversioned workers get the new work */
  setCurrent(deployment: Deployment, buildId: string | undefined, allowances: Allowances): Promise<void>;
  /** @param percent 0: takes the ramp away */
  ramp(deployment: Deployment, buildId: string, percent: number, allowances: Allowances): Promise<void>;
  pinnedTo(version: WorkerDeploymentVersion): Promise<PinnedWorkflows>;
}

const WITHIN_MS = 10_000;
const EXAMPLES = 5;
/** Shown by Temporal as the one who changed the routing. */
const IDENTITY = 'npm run deployment';

export function createDeployments(client: Client): Deployments {
  const { workflowService } = client;
  const { namespace } = client.options;
  const call = <T>(act: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + WITHIN_MS, act);
  const change = { namespace, identity: IDENTITY };
  return {
    names: () =>
      call(async () => {
        const names: string[] = [];
        let nextPageToken: Uint8Array = new Uint8Array();
        do {
          const page = await workflowService.listWorkerDeployments({ namespace, nextPageToken });
          names.push(...page.workerDeployments.map(({ name }) => name ?? ''));
          nextPageToken = page.nextPageToken;
        } while (nextPageToken.length > 0);
        return names;
      }),

    describe: (deploymentName) =>
      call(async () => {
        const answer = await known(workflowService.describeWorkerDeployment({ namespace, deploymentName }));
        if (!answer?.workerDeploymentInfo) return undefined;
        const { routingConfig, versionSummaries } = answer.workerDeploymentInfo;
        const percent = routingConfig?.rampingVersionPercentage ?? 0;
        const rampingBuild = routingConfig?.rampingDeploymentVersion?.buildId ?? undefined;
        return {
          name: deploymentName,
          current: routingConfig?.currentDeploymentVersion?.buildId ?? undefined,
          ramping: rampingBuild !== undefined || percent > 0 ? { buildId: rampingBuild, percent } : undefined,
          versions: (versionSummaries ?? [])
            .toSorted((a, b) => Number(b.createTime?.seconds ?? 0) - Number(a.createTime?.seconds ?? 0))
            .map(({ deploymentVersion, status }) => ({
              buildId: deploymentVersion?.buildId ?? '',
              status: statuses[status ?? 0],
            })),
          conflictToken: answer.conflictToken,
        };
      }),

    describeVersion: (deploymentVersion) =>
      call(async () => {
        const answer = await known(
          workflowService.describeWorkerDeploymentVersion({ namespace, deploymentVersion }),
        );
        const info = answer?.workerDeploymentVersionInfo;
        return info ? { buildId: deploymentVersion.buildId, status: statuses[info.status ?? 0] } : undefined;
      }),

    taskQueuesOf: (deploymentVersion) =>
      call(async () => {
        const answer = await known(
          workflowService.describeWorkerDeploymentVersion({ namespace, deploymentVersion }),
        );
        return [...new Set((answer?.versionTaskQueues ?? []).map(({ name }) => name ?? ''))].sort();
      }),

    setCurrent: ({ name, conflictToken }, buildId, allowances) =>
      call(async () => {
        await workflowService.setWorkerDeploymentCurrentVersion({
          ...change,
          ...allowances,
          deploymentName: name,
          buildId: buildId ?? '',
          conflictToken,
        });
      }),

    ramp: ({ name, conflictToken }, buildId, percentage, allowances) =>
      call(async () => {
        await workflowService.setWorkerDeploymentRampingVersion({
          ...change,
          ...allowances,
          deploymentName: name,
          buildId: percentage === 0 ? '' : buildId,
          percentage,
          conflictToken,
        });
      }),

    pinnedTo: ({ deploymentName, buildId }) =>
      call(async () => {
        const query = `TemporalWorkerDeploymentVersion = '${deploymentName}:${buildId}' and TemporalWorkflowVersioningBehavior = 'Pinned' and ExecutionStatus = 'Running'`;
        const { count } = await client.workflow.count(query);
        const examples: string[] = [];
        for await (const { workflowId } of client.workflow.list({ query, pageSize: EXAMPLES })) {
          examples.push(workflowId);
          if (examples.length === EXAMPLES) break;
        }
        return { count, examples };
      }),
  };
}

/** @returns undefined for what Temporal does not know */
async function known<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (grpcStatusOf(error) === grpcStatus.NOT_FOUND) return undefined;
    throw error;
  }
}

/** The last also for a change that came in between. */
const refusals: readonly (number | undefined)[] = [
  grpcStatus.INVALID_ARGUMENT,
  grpcStatus.NOT_FOUND,
  grpcStatus.FAILED_PRECONDITION,
];

/** Whether Temporal has refused a change, and would again. */
export const isRefused = (error: unknown): boolean => refusals.includes(grpcStatusOf(error));
