import { start } from 'node:repl';
import { setTimeout as pause } from 'node:timers/promises';
import {
  Client,
  Connection,
  WorkflowNotFoundError,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { z } from 'zod';
import { connect } from '../db/connection.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../domain/topology.ts';
import { loadConfig } from '../platform/config.ts';
import { configOrExit } from '../platform/run-process.ts';
import { dataConverter } from '../platform/temporal-data.ts';
import { stackSchema } from './dev-config.ts';

// A prompt with the running stack at hand: place orders, watch their sagas act, turn the faults, look into tables.

const POLL_MS = 50;
const SOON_TRIES = 60;

const config = configOrExit(() => loadConfig(stackSchema));
const api = `http://127.0.0.1:${config.PORT}`;
const connection = await Connection.connect({
  address: config.TEMPORAL_ADDRESS ?? `127.0.0.1:${config.TEMPORAL_PORT}`,
});
const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE, dataConverter });
const db = connect({
  url: config.DATABASE_URL ?? `postgres://postgres:postgres@127.0.0.1:${config.POSTGRES_PORT}/durable_orders`,
  poolSize: 2,
  applicationName: 'durable-orders-repl',
});

async function send(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(api + path, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  });
  return response.json();
}

const details = z.object({ currentDetails: z.string().default('') });

/** A workflow that is about to start. */
async function describeSoon(handle: WorkflowHandle): Promise<WorkflowExecutionDescription> {
  for (let tries = 1; ; tries++) {
    try {
      return await handle.describe();
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError) || tries === SOON_TRIES) throw error;
      await pause(POLL_MS);
    }
  }
}

/** Prints what a workflow says of itself each time that changes, until it ends. */
async function follow(workflowId: string): Promise<void> {
  const handle = client.workflow.getHandle(workflowId);
  let shown = '';
  for (;;) {
    const { status } = await describeSoon(handle);
    const { currentDetails } = details.parse(await handle.query('__temporal_workflow_metadata'));
    if (currentDetails !== shown) console.log(`\n${workflowId}\n${currentDetails}`);
    shown = currentDetails;
    if (status.name !== 'RUNNING') {
      console.log(`\n${workflowId} has ended: ${JSON.stringify(await handle.result())}`);
      return;
    }
    await pause(POLL_MS);
  }
}

const prompt = start('orders> ');
prompt.on('exit', () => {
  void Promise.all([connection.close(), db.destroy()]);
});
Object.assign(prompt.context, {
  client,
  db,
  /** Places an order. @returns the answer, with its `orderId`. */
  place: (changes: object = {}) =>
    send('POST', '/orders', {
      customerId: 'customer-1',
      lines: [{ sku: 'COFFEE-1KG', quantity: 2 }],
      paymentMethod: 'pm_card_visa',
      ...changes,
    }),
  order: (id: string) => send('GET', `/orders/${id}`),
  faults: (dials: object) => send('PUT', '/dev/faults', dials),
  watch: async (id: string) => {
    for (const workflowId of [orderWorkflowId(id), shipmentWorkflowId(id)]) {
      try {
        await follow(workflowId);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
        console.log(`\nthere is no workflow ${workflowId}`);
      }
    }
  },
});
