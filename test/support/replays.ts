import type { Client } from '@temporalio/client';
import type { WorkflowBundleOption } from '@temporalio/worker';
import type { NamedHistory } from '../../dev/history-json.ts';
import { replayed } from '../../dev/replayed.ts';
import { historyOf } from '../../dev/running-histories.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../domain/topology.ts';

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

/** What is recorded of the sagas of these orders. */
export async function* sagaHistories(
  client: Client,
  orderIds: Iterable<string>,
): AsyncIterable<NamedHistory> {
  const workflowIds = [...orderIds].flatMap((id) => [orderWorkflowId(id), shipmentWorkflowId(id)]);
  // A cancelled order has no shipment.
  while (workflowIds.length > 0)
    for (const found of await Promise.all(
      workflowIds.splice(0, AT_A_TIME).map((workflowId) => historyOf(client, workflowId)),
    ))
      if (found) yield found;
}
