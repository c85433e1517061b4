import { start } from 'node:repl';
import { setTimeout as pause } from 'node:timers/promises';
import {
  WorkflowNotFoundError,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { z } from 'zod';
import { connect } from '../db/connection.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../domain/topology.ts';
import { loadConfig, setBackSchema as replSchema } from '../platform/config.ts';
import { messageOf } from '../platform/error-serializer.ts';
import { temporalServerOf } from '../platform/temporal/settings.ts';
import { terminal } from '../platform/terminal.ts';
import { configureTool } from '../platform/tool.ts';
import { connectClient } from '../worker/temporal-client.ts';
import { stackSchema } from './dev-config.ts';
import { useRunningStack } from './running-stack.ts';

// A prompt with the running stack at hand: place orders, watch their sagas act, turn the faults, look into tables.

const POLL_MS = 50;
const SOON_TRIES = 60;

const stack = await useRunningStack();
const { config } = configureTool(replSchema, ['DATABASE_URL', 'TEMPORAL_ADDRESS']);
const api = stack?.api ?? `http://127.0.0.1:${loadConfig(stackSchema).PORT}`;
const { client, close } = await connectClient(temporalServerOf(config)).catch((error: unknown) => {
  terminal.error(messageOf(error));
  process.exit(1);
});
const db = connect({ url: config.DATABASE_URL, poolSize: 2, applicationName: 'durable-orders-repl' });

async function send(method: string, path: string, body?: object): Promise<unknown> {
  const response = await fetch(api + path, {
    method,
    ...(body ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } : {}),
  });
  return response.json();
}

const details = z.object({ currentDetails: z.string().default('') });

/** Markdown without the references that stand for characters which mean something in it. */
const readable = (markdown: string): string =>
  markdown
    .replace(/&#829[67];/g, '')
    .replace(/&#(\d+);/g, (_whole, code: string) => String.fromCodePoint(Number(code)));

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
    if (currentDetails !== shown) terminal.log(`\n${workflowId}\n${readable(currentDetails)}`);
    shown = currentDetails;
    if (status.name !== 'RUNNING') {
      terminal.log(`\n${workflowId} has ended: ${JSON.stringify(await handle.result())}`);
      return;
    }
    await pause(POLL_MS);
  }
}

const prompt = start('orders> ');
prompt.on('exit', () => {
  void Promise.all([close(), db.destroy()]);
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
        terminal.log(`\nthere is no workflow ${workflowId}`);
      }
    }
  },
});
