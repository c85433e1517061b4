import type { Client } from '@temporalio/client';
import type { OrderOutcome, PlacedOrder } from '../../domain/order-saga.ts';
import type { SagaSettings } from '../../domain/saga-settings.ts';
import { orderSagaStart } from '../../domain/saga-start.ts';

/** Starts a saga as the saga starter does and waits for its end. @throws Error when the order is not completed. */
export async function runSaga(client: Client, order: PlacedOrder, settings: SagaSettings): Promise<void> {
  const { workflowType, ...start } = orderSagaStart(order, settings);
  const { status, reason } = (await client.workflow.execute(workflowType, {
    ...start,
    workflowIdReusePolicy: 'REJECT_DUPLICATE',
    requestEagerStart: true,
  })) as OrderOutcome;
  if (status !== 'COMPLETED') throw new Error(`order ${order.id} ended ${status}: ${reason ?? 'no reason'}`);
}
