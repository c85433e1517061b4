import type { Client } from '@temporalio/client';
import { OUTBOX_SHARDS, RELAY_TASK_QUEUE, relayWorkflowId } from '../domain/topology.ts';
import type { outboxRelay } from '../workflows/index.ts';

/** Sees to it that each shard has its relay workflow; those that run already stay as they are. */
export async function startRelays(client: Client): Promise<void> {
  for (let shard = 0; shard < OUTBOX_SHARDS; shard++) {
    await client.workflow.start<typeof outboxRelay>('outboxRelay', {
      workflowId: relayWorkflowId(shard),
      taskQueue: RELAY_TASK_QUEUE,
      args: [shard],
      workflowIdConflictPolicy: 'USE_EXISTING',
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      staticSummary: `Publishes outbox shard ${shard} to the event stream`,
    });
  }
}
