import { Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { dataConverter } from '../platform/temporal-data.ts';
import type { NamedHistory } from './history-json.ts';

/** How a replay ended. */
export interface Replayed {
  readonly workflowId: string;
  /** Why the workflows cannot go on from this history; undefined when they can. */
  readonly error: Error | undefined;
}

/** Replays histories one after the other. @throws Error for what is no fault of a workflow */
export async function* replayed(
  workflowBundle: WorkflowBundleOption,
  histories: Iterable<NamedHistory> | AsyncIterable<NamedHistory>,
): AsyncIterable<Replayed> {
  const results = Worker.runReplayHistories({ workflowBundle, dataConverter }, histories);
  for await (const { workflowId, error } of results) yield { workflowId, error };
}
