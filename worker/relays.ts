import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { OUTBOX_SHARDS, RELAY_TASK_QUEUE, relayWorkflowId } from '../domain/topology.ts';
import type { outboxRelay } from '../workflows/index.ts';

/** Sees to it that each shard has its relay workflow; those that run already stay as they are. */
export async function startRelays(client: Client): Promise<void> {
  for (let shard = 0; shard < OUTBOX_SHARDS; shard++) await startRelay(client, shard);
}

async function startRelay(client: Client, shard: number): Promise<void> {
  await client.workflow.start<typeof outboxRelay>('outboxRelay', {
    workflowId: relayWorkflowId(shard),
    taskQueue: RELAY_TASK_QUEUE,
    args: [shard],
    workflowIdConflictPolicy: 'USE_EXISTING',
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    staticSummary: `Publishes outbox shard ${shard} to the event stream`,
  });
}

/** `WAITS`: the workflow runs, and no worker publishes: none is there, or the outbox needs a decision. */
export type RelayState = 'PUBLISHES' | 'WAITS' | 'GONE';

/** Starts the relays that are gone. @returns how each shard's relay was before */
export async function restoreRelays(client: Client): Promise<readonly RelayState[]> {
  const states: RelayState[] = [];
  for (let shard = 0; shard < OUTBOX_SHARDS; shard++) {
    const state = await stateOf(client, shard);
    if (state === 'GONE') await startRelay(client, shard);
    states.push(state);
  }
  return states;
}

async function stateOf(client: Client, shard: number): Promise<RelayState> {
  try {
    const { status, raw } = await client.workflow.getHandle(relayWorkflowId(shard)).describe();
    if (status.name !== 'RUNNING' && status.name !== 'PAUSED') return 'GONE';
    // A relay that died is noticed by its missing heartbeats, and its activity is then no longer a started one.
    const isStarted = (raw.pendingActivities ?? []).some(({ state }) => Number(state) === STARTED);
    return isStarted ? 'PUBLISHES' : 'WAITS';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'GONE';
    throw error;
  }
}

/** `PENDING_ACTIVITY_STATE_STARTED` in Temporal's API. */
const STARTED = 2;
