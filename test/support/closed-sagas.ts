import assert from 'node:assert/strict';
import type { Client } from '@temporalio/client';
import { newId } from '../../platform/clock.ts';
import { eventually } from './eventually.ts';

/** `COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION` and `COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION` in Temporal's API. */
const COMPLETE = 4;
const FAIL = 5;
const POLL_WITHIN_MS = 20_000;

/** How a saga can be closed from outside. */
type Closing = 'TERMINATED' | 'TIMED_OUT' | 'FAILED' | 'COMPLETED';

/**
 * Closes the running saga with this id in one of the ways in which an order loses its saga. Only termination is
 * possible from outside, so for the others a run that closes that way takes its place.
 */
export async function closeSaga(client: Client, workflowId: string, closing: Closing): Promise<void> {
  await client.workflow.getHandle(workflowId).terminate('by a test');
  if (closing === 'TERMINATED') return;
  const taskQueue = `closing-${newId()}`;
  const { firstExecutionRunId } = await client.workflow.start('orderSaga', {
    workflowId,
    taskQueue,
    ...(closing === 'TIMED_OUT' ? { workflowExecutionTimeout: '1 second' } : {}),
  });
  if (closing !== 'TIMED_OUT') await answerTask(client, taskQueue, closing);
  await eventually(
    async () => {
      const { status } = await client.workflow.getHandle(workflowId, firstExecutionRunId).describe();
      return status.name === closing ? true : undefined;
    },
    { what: `${workflowId} is ${closing}` },
  );
}

/** Answers the first workflow task of a queue in the place of a worker. */
async function answerTask(client: Client, taskQueue: string, closing: 'FAILED' | 'COMPLETED'): Promise<void> {
  const { namespace } = client.options;
  const { taskToken } = await client.withDeadline(Date.now() + POLL_WITHIN_MS, () =>
    client.workflowService.pollWorkflowTaskQueue({
      namespace,
      taskQueue: { name: taskQueue },
      identity: 'test',
    }),
  );
  assert.ok(taskToken.length > 0, 'the server gave out the task that closes the saga');
  const failure = { message: 'by a test', applicationFailureInfo: { nonRetryable: true } };
  const command =
    closing === 'COMPLETED'
      ? { commandType: COMPLETE, completeWorkflowExecutionCommandAttributes: {} }
      : { commandType: FAIL, failWorkflowExecutionCommandAttributes: { failure } };
  // The SDK's types name these numbers by an enum of a package that is not ours to import.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment
  await client.workflowService.respondWorkflowTaskCompleted({ namespace, taskToken, commands: [command] });
}
