import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { RunningSaga, SagaTasks, TaskFailure } from '../activities/saga-watch/saga-tasks.ts';
import type { TaskFailureCause } from '../domain/saga-health.ts';
import { paced } from '../platform/pace.ts';
import { grpcStatus, grpcStatusOf } from '../platform/temporal/grpc-status.ts';

const WITHIN_MS = 10_000;
const RUNS_IN_A_QUERY = 500;
/** Temporal allows a namespace 10 listings a second by default, which people's own queries share. */
const LISTINGS_PER_SECOND = 5;

/** Set by Temporal 1.30 and later while the workflow task of a workflow fails again and again. */
const REPORTED =
  "ExecutionStatus = 'Running' and TemporalReportedProblems in ('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut')";

/** Numbers of `temporal.api.enums.v1.EventType`. */
const TASK_COMPLETED = 7;
const TASK_TIMED_OUT = 8;
const TASK_FAILED = 9;
/** Enough to find the last workflow task: what arrives while it fails is written behind it. */
const LAST_EVENTS = 100;

/**
 * `temporal.api.enums.v1.WorkflowTaskFailedCause`, where the task is not to blame: what arrived while it ran, a reset, a
 * pause.
 */
const NO_FAULT: readonly number[] = [1, 13, 17, 18, 20, 31, 39];
const causes: Readonly<Record<number, TaskFailureCause>> = { 14: 'WORKFLOW_BUG', 24: 'NONDETERMINISM' };
/** Of the others, those that say what the server does not take. */
const MOST_REFUSALS = 40;

/** A task that was repeated once may have met a worker that went away. */
const FAILS_FROM_ATTEMPT = 2;
const TIMES_OUT_FROM_ATTEMPT = 4;

/** Workflow tasks of sagas as Temporal knows them. @param current throws while Temporal has not been reached */
export function createTemporalSagaTasks(current: () => Client): SagaTasks {
  const list = async (query: string, limit: number): Promise<string[]> => {
    const client = current();
    return client.withDeadline(Date.now() + WITHIN_MS, async () => {
      const found: string[] = [];
      for await (const { workflowId } of client.workflow.list({ query, pageSize: Math.min(limit, 1_000) })) {
        found.push(workflowId);
        if (found.length === limit) break;
      }
      return found;
    });
  };

  return {
    reportedFailing: async (limit) => {
      try {
        return await list(REPORTED, limit);
      } catch (error) {
        // The server does not know the attribute.
        if (grpcStatusOf(error) === grpcStatus.INVALID_ARGUMENT) return [];
        throw error;
      }
    },

    workflowsOf: async (runIds) => {
      const found: string[] = [];
      const nextListing = paced(LISTINGS_PER_SECOND);
      for (let from = 0; from < runIds.length; from += RUNS_IN_A_QUERY) {
        await nextListing();
        const some = runIds.slice(from, from + RUNS_IN_A_QUERY);
        // Run ids are UUIDs, so nothing in them needs escaping.
        found.push(...(await list(`RunId in (${some.map((id) => `'${id}'`).join(', ')})`, some.length)));
      }
      return found;
    },

    inspect: async (workflowId) => {
      const client = current();
      return client.withDeadline(Date.now() + WITHIN_MS, async () => {
        try {
          const { status, startTime, runId, raw } = await client.workflow.getHandle(workflowId).describe();
          if (status.name !== 'RUNNING') return undefined;
          const attempts = raw.pendingWorkflowTask?.attempt ?? 0;
          const failure =
            attempts < FAILS_FROM_ATTEMPT
              ? undefined
              : await failureOf(client, { workflowId, runId }, attempts);
          return { startedAt: startTime, ...(failure && { failure }) } satisfies RunningSaga;
        } catch (error) {
          if (error instanceof WorkflowNotFoundError) return undefined;
          throw error;
        }
      });
    },
  };
}

/** Of several failures in a row, the history has the first. */
async function failureOf(
  client: Client,
  execution: { readonly workflowId: string; readonly runId: string },
  attempts: number,
): Promise<TaskFailure | undefined> {
  const { history } = await client.workflowService.getWorkflowExecutionHistoryReverse({
    namespace: client.options.namespace,
    execution,
    maximumPageSize: LAST_EVENTS,
  });
  const ends = [TASK_COMPLETED, TASK_TIMED_OUT, TASK_FAILED];
  const last = history?.events?.find(({ eventType }) => ends.includes(eventType ?? 0));
  const type: number | undefined = last?.eventType ?? undefined;
  const since = new Date(1_000 * Number(last?.eventTime?.seconds ?? 0));
  if (type === TASK_TIMED_OUT)
    return attempts < TIMES_OUT_FROM_ATTEMPT ? undefined : { cause: 'TIMED_OUT', attempts, since };
  if (!last || type !== TASK_FAILED) return undefined;
  const cause = last.workflowTaskFailedEventAttributes?.cause ?? 0;
  return NO_FAULT.includes(cause) ? undefined : { cause: causeOf(cause), attempts, since };
}

const causeOf = (cause: number): TaskFailureCause =>
  causes[cause] ?? (cause > 0 && cause <= MOST_REFUSALS ? 'REFUSED_BY_SERVER' : 'OTHER');
