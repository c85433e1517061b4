import type { Client } from '@temporalio/client';
import { SAGA_TASK_QUEUE } from '../domain/topology.ts';

const ANSWER_WITHIN_MS = 5_000;
/** `TASK_QUEUE_TYPE_WORKFLOW` and `TASK_QUEUE_TYPE_ACTIVITY` in Temporal's API. */
const TASK_QUEUE_TYPES = [1, 2] as const;

/**
 * How long the sagas' oldest task has waited for a worker, in ms; 0 when none waits. A task for a worker that has the
 * workflow in memory counts once that worker has let it wait for too long.
 */
export async function longestWaitMs({ connection, options: { namespace } }: Client): Promise<number> {
  const waits = await connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, () =>
    Promise.all(
      TASK_QUEUE_TYPES.map(async (taskQueueType) => {
        const { stats } = await connection.workflowService.describeTaskQueue({
          namespace,
          taskQueue: { name: SAGA_TASK_QUEUE },
          taskQueueType,
          reportStats: true,
        });
        const { seconds, nanos } = stats?.approximateBacklogAge ?? {};
        return Number(seconds ?? 0) * 1_000 + (nanos ?? 0) / 1e6;
      }),
    ),
  );
  return Math.max(...waits);
}
