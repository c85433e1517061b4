import assert from 'node:assert/strict';
import type { Client } from '@temporalio/client';
import { newId } from '../../platform/clock.ts';
import { eventually } from './eventually.ts';

/** `COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION` and `COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION` in Temporal's API. */
const COMPLETE = 4;
const FAIL = 5;

const POLL_WITHIN_MS = 20_000;

/** How a saga can be closed from outside. */
export type Closing = 'TERMINATED' | 'TIMED_OUT' | 'FAILED' | 'COMPLETED';

/**
 * Closes the running saga with this id in one of the ways in which an order loses its saga. Only termination is
 * possible from outside, so for the others a run that closes that way takes its place.
 */
export async function closeSaga(client: Client, workflowId: string, closing: Closing): Promise<void> {
  await client.workflow.getHandle(workflowId).terminate('by a test');
  if (closing === 'TERMINATED') return;
  const { namespace } = client.options;
  const taskQueue = `closing-${newId()}`;
  // Before a watch can start the real one.
  const run = await client.workflow.start('orderSaga', {
    workflowId,
    taskQueue,
    ...(closing === 'TIMED_OUT' ? { workflowExecutionTimeout: '1 second' } : {}),
  });
  if (closing !== 'TIMED_OUT') {
    const { taskToken } = await client.withDeadline(Date.now() + POLL_WITHIN_MS, () =>
      client.workflowService.pollWorkflowTaskQueue({
        namespace,
        taskQueue: { name: taskQueue },
        identity: 'test',
      }),
    );
    assert.ok(taskToken.length > 0, 'the server gave out the task that closes the saga');
    const command =
      closing === 'COMPLETED'
        ? { commandType: COMPLETE, completeWorkflowExecutionCommandAttributes: {} }
        : {
            commandType: FAIL,
            failWorkflowExecutionCommandAttributes: {
              failure: { message: 'by a test', applicationFailureInfo: { nonRetryable: true } },
            },
          };
    await client.workflowService.respondWorkflowTaskCompleted({ namespace, taskToken, commands: [command] });
  }
  await eventually(
    async () => {
      const described = client.workflow.getHandle(workflowId, run.firstExecutionRunId);
      return (await described.describe()).status.name === closing ? true : undefined;
    },
    { what: `${workflowId} is ${closing}` },
  );
}
