import type { Client } from '@temporalio/client';
import type { WorkflowBundleOption } from '@temporalio/worker';
import type { NamedHistory } from '../../dev/history-json.ts';
import { replayed } from '../../dev/replayed.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../domain/topology.ts';
import { grpcStatusOf } from '../../platform/temporal/connection-problem.ts';

/** Replays histories. @returns what cannot be replayed, and why; empty when all can */
export async function brokenReplays(
  bundle: WorkflowBundleOption,
  histories: Iterable<NamedHistory> | AsyncIterable<NamedHistory>,
): Promise<string[]> {
  const broken: string[] = [];
  for await (const { workflowId, error } of replayed(bundle, histories))
    if (error) broken.push(`${workflowId}: ${error.message}`);
  return broken;
}

/** Histories that are fetched at the same time. */
const AT_A_TIME = 20;
/** gRPC's status code. */
const NOT_FOUND = 5;

/** What is recorded of the sagas of these orders. */
export async function* sagaHistories(
  client: Client,
  orderIds: Iterable<string>,
): AsyncIterable<NamedHistory> {
  const workflowIds = [...orderIds].flatMap((id) => [orderWorkflowId(id), shipmentWorkflowId(id)]);
  const historyOf = async (workflowId: string): Promise<NamedHistory | undefined> => {
    try {
      return { workflowId, history: await client.workflow.getHandle(workflowId).fetchHistory() };
    } catch (error) {
      // A cancelled order has no shipment.
      if (grpcStatusOf(error) === NOT_FOUND) return undefined;
      throw error;
    }
  };
  while (workflowIds.length > 0)
    for (const found of await Promise.all(workflowIds.splice(0, AT_A_TIME).map(historyOf)))
      if (found) yield found;
}
