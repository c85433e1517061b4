import type { Client } from '@temporalio/client';
import { grpcStatus, grpcStatusOf } from '../platform/temporal/grpc-status.ts';
import type { NamedHistory } from './history-json.ts';

interface Wanted {
  /** A list filter of Temporal's, over those that run. */
  readonly query: string | undefined;
  readonly limit: number;
}

/** @returns undefined where Temporal has no such workflow (any more) */
export async function historyOf(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<NamedHistory | undefined> {
  try {
    return { workflowId, history: await client.workflow.getHandle(workflowId, runId).fetchHistory() };
  } catch (error) {
    if (grpcStatusOf(error) === grpcStatus.NOT_FOUND) return undefined;
    throw error;
  }
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
    const named = await historyOf(client, workflowId, runId);
    if (!named) continue;
    found += 1;
    yield named;
  }
}
