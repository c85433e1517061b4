import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import type { JsMsg } from 'nats';
import type { Pool } from 'pg';
import type { Messaging } from '../../../../messaging/connection.ts';
import { consume } from '../../../../messaging/consumer.ts';
import { orderSchema } from './events.ts';
import type { shopTopology } from './relay.ts';
import { statusOf } from './saga-activities.ts';
import type { orderSaga } from './saga.ts';

// doc: start
interface Temporal {
  readonly client: Client;
  readonly taskQueue: string;
  readonly pool: Pool;
}

interface Deps extends Temporal {
  readonly messaging: Messaging;
  readonly topology: ReturnType<typeof shopTopology>;
  readonly durable: string;
  readonly onFailure: (error: unknown) => void;
}

/** Starts a saga for each order that is placed, until the signal comes. */
export const startSagas = ({ client, taskQueue, pool, ...deps }: Deps, signal: AbortSignal): Promise<void> =>
  consume(
    {
      ...deps,
      filter: deps.topology.subjectOf({ aggregateType: 'order', type: 'OrderPlaced', aggregateId: '*' }),
      concurrency: 8,
      handle: (message) => startOnce({ client, taskQueue, pool }, message),
    },
    signal,
  );

async function startOnce({ client, taskQueue, pool }: Temporal, message: JsMsg): Promise<void> {
  const id = message.headers?.get('ce-subject') ?? '';
  // Temporal forgets a workflow some days after its end; a stream that is read anew then must not charge again.
  if ((await statusOf(pool, id)) !== 'NEW') return;
  const { item, total_cents: totalCents } = orderSchema.parse(message.json());
  try {
    await client.workflow.start<typeof orderSaga>('orderSaga', {
      workflowId: `order-${id}`,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      taskQueue,
      args: [{ id, item, totalCents }],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
// end doc
