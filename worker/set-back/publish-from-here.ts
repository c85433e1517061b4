import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { orderWorkflowId, shipmentWorkflowId } from '../../domain/topology.ts';
import { removeMessages } from '../../messaging/remove-messages.ts';
import type { LostAggregate } from './lost-aggregates.ts';
import type { Lost, Sources } from './lost.ts';

const ANSWERS_WITHIN_MS = 10_000;

/**
 * Ends the sagas of orders that the database does not know, or knows at an earlier state: they have done what no row
 * says. @returns how many were running
 */
export async function endSagas(
  client: Client,
  aggregates: readonly LostAggregate[],
  onProgress: (what: string) => void,
): Promise<number> {
  let ended = 0;
  for (const { type, id } of aggregates) {
    if (type !== 'order') continue;
    for (const workflowId of [orderWorkflowId(id), shipmentWorkflowId(id)])
      if (await terminate(client, workflowId)) ended += 1;
    onProgress(`ends sagas: ${ended}`);
  }
  return ended;
}

async function terminate(client: Client, workflowId: string): Promise<boolean> {
  try {
    await client.withDeadline(Date.now() + ANSWERS_WITHIN_MS, () =>
      client.workflow
        .getHandle(workflowId)
        .terminate('the database was set back to an older copy, which does not know what this saga did'),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Removes from the stream what the database does not know. May be interrupted and run again. */
export const removeLost = (
  { messaging, topology, onProgress }: Sources,
  { sequences }: Lost,
): Promise<void> =>
  removeMessages(messaging.require(), topology, sequences, (removed) => {
    onProgress(`removes messages: ${removed} of ${sequences.length}`);
  });
