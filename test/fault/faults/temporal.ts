import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { OUTBOX_SHARDS, relayWorkflowId } from '../../../domain/topology.ts';
import { eventually } from '../../support/eventually.ts';
import type { Fault } from './fault.ts';

const TERMINATED_BY = 'fault harness';
/** What was terminated or deleted comes back within a minute; a slow machine gets half a minute more. */
const BACK_WITHIN_MS = 90_000;

const runningSagas = (type: string): string => `WorkflowType = '${type}' and ExecutionStatus = 'Running'`;

/** @returns whether it still ran */
async function terminate(client: Client, workflowId: string): Promise<boolean> {
  try {
    await client.workflow.getHandle(workflowId).terminate(TERMINATED_BY);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

export const terminatedSagas: Fault = {
  name: 'a saga of each kind is terminated',
  run: async ({ stack: { temporal } }) => {
    for (const type of ['orderSaga', 'shipmentSaga'])
      await eventually(
        async () => {
          for await (const { workflowId } of temporal.workflow.list({ query: runningSagas(type) }))
            if (await terminate(temporal, workflowId)) return true;
          return undefined;
        },
        { what: `an ${type} runs and is terminated` },
      );
  },
};

export const allSagasTerminated: Fault = {
  name: 'all running sagas are terminated',
  run: async ({ stack: { temporal } }) => {
    const ids: string[] = [];
    for (const type of ['orderSaga', 'shipmentSaga'])
      for await (const { workflowId } of temporal.workflow.list({ query: runningSagas(type) }))
        ids.push(workflowId);
    await Promise.all(ids.map((id) => terminate(temporal, id)));
  },
};

export const lostTemporal: Fault = {
  name: 'Temporal’s database is lost',
  run: ({ stack }) => stack.loseTemporal(),
};

export const lostRelay: Fault = {
  name: 'the relays are terminated and the schedules deleted, and come back within a minute',
  run: async ({ stack: { temporal } }) => {
    const relays = Array.from({ length: OUTBOX_SHARDS }, (_, shard) => relayWorkflowId(shard));
    const schedules: string[] = [];
    for await (const { scheduleId } of temporal.schedule.list()) schedules.push(scheduleId);
    for (const id of relays) await terminate(temporal, id);
    for (const id of schedules) await temporal.schedule.getHandle(id).delete();
    await eventually(
      async () => {
        for (const id of relays) {
          const { status } = await temporal.workflow.getHandle(id).describe();
          if (status.name !== 'RUNNING') throw new Error(`${id} is ${status.name}`);
        }
        for (const id of schedules) await temporal.schedule.getHandle(id).describe();
        return true;
      },
      { what: 'relays and schedules are there again', withinMs: BACK_WITHIN_MS },
    );
  },
};
