import type { Client } from '@temporalio/client';
import type { Capability, PlacedOrder } from '../../domain/order-saga.ts';
import { orderWorkflowId, SAGA_TASK_QUEUE } from '../../domain/topology.ts';
import type { orderSaga } from '../../workflows/index.ts';

/** Starts a saga as the saga starter does and waits for its end. @throws Error when the order is not completed. */
export async function runSaga(
  client: Client,
  order: PlacedOrder,
  localSteps: readonly Capability[],
): Promise<void> {
  const { status, reason } = await client.workflow.execute<typeof orderSaga>('orderSaga', {
    taskQueue: SAGA_TASK_QUEUE,
    workflowId: orderWorkflowId(order.id),
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    requestEagerStart: true,
    args: [{ order, localSteps }],
    staticSummary: `${order.lines.length} line(s)`,
    staticDetails: order.lines.map(({ sku, quantity }) => `- ${quantity} × \`${sku}\``).join('\n'),
  });
  if (status !== 'COMPLETED') throw new Error(`order ${order.id} ended ${status}: ${reason ?? 'no reason'}`);
}
