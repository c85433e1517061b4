import { WorkflowNotFoundError, type Client } from '@temporalio/client';

/** How the latest run of a workflow stands. One that is paused, or in a state that this SDK does not know, runs. */
export type WorkflowStatus =
  'RUNNING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TERMINATED' | 'TIMED_OUT' | 'NOT_FOUND';

/** Asks the history, not the visibility store, so the answer does not lag. */
export async function workflowStatus(
  client: Client,
  workflowId: string,
  withinMs: number,
): Promise<WorkflowStatus> {
  try {
    const { status } = await client.withDeadline(Date.now() + withinMs, () =>
      client.workflow.getHandle(workflowId).describe(),
    );
    switch (status.name) {
      case 'COMPLETED':
      case 'FAILED':
      case 'CANCELLED':
      case 'TERMINATED':
      case 'TIMED_OUT':
        return status.name;
      case 'RUNNING':
      case 'PAUSED':
      case 'CONTINUED_AS_NEW':
      case 'UNSPECIFIED':
      case 'UNKNOWN':
        return 'RUNNING';
    }
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'NOT_FOUND';
    throw error;
  }
}
