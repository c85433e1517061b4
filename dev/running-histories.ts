import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { NamedHistory } from './history-json.ts';

interface Wanted {
  /** A list filter of Temporal's, over those that run. */
  readonly query: string | undefined;
  readonly limit: number;
}

/** Histories of the workflows that run, each as far as it goes; one that is gone by then is passed over. */
export async function* runningHistories(
  client: Client,
  { query, limit }: Wanted,
): AsyncIterable<NamedHistory> {
  const isRunning = "ExecutionStatus = 'Running'";
  const filter = query === undefined ? isRunning : `(${query}) and ${isRunning}`;
  let found = 0;
  for await (const { workflowId, runId } of client.workflow.list({ query: filter })) {
    if (found === limit) return;
    try {
      const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      found += 1;
      yield { workflowId, history };
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
}
