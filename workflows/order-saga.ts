import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import type { OrderOutcome, OrderSagaInput, PlacedOrder } from '../domain/order-saga.ts';
import { isPastOrderSaga } from '../domain/order.ts';
import { shipmentWorkflowId } from '../domain/topology.ts';
import { Compensations } from './compensations.ts';
import { failureOf, type Failure } from './failures.ts';
import { createProgress, linkTo, type Progress } from './progress.ts';
import { sagaSteps, type SagaSteps } from './saga-steps.ts';
import { actOrAsk } from './unknown-outcome.ts';

/** Reserve the stock, charge the payment, complete the order; when a step fails, undo what may have happened. */
export async function orderSaga({ order, localSteps }: OrderSagaInput): Promise<OrderOutcome> {
  const steps = sagaSteps(localSteps);
  const { inventory, payments, orders } = steps;
  const progress = createProgress(`Order \`${order.id}\``);
  const undo = new Compensations();

  // Temporal refuses a second saga of an order only as long as it keeps the first one's history. Past this saga,
  // not "past PENDING": steps of this very saga whose completion got lost with their worker have moved the order on.
  const earlier = await CancellationScope.nonCancellable(() => orders.orderStatus(order));
  if (isPastOrderSaga(earlier)) return { status: earlier };

  try {
    undo.push('release inventory', () => inventory.releaseInventory(order));
    progress.step('reserve inventory');
    await inventory.reserveInventory(order);

    undo.push('refund payment', () => payments.refundPayment(order));
    progress.reached('RESERVED', 'charge payment');
    await charge(order, steps);

    progress.reached('PAID', 'complete order');
    // The point of no return: once this may have happened, nothing is undone any more.
    await CancellationScope.nonCancellable(() => orders.completeOrder(order));
    progress.reached('COMPLETED', `it goes on with ${linkTo(shipmentWorkflowId(order.id))}`);
    return { status: 'COMPLETED' };
  } catch (error) {
    return await abandon(order, undo, failureOf(error), steps, progress);
  }
}

const charge = (order: PlacedOrder, { payments }: SagaSteps): Promise<void> =>
  actOrAsk({
    act: () => payments.chargePayment(order),
    ask: async () => {
      const status = await payments.resolveCharge(order);
      if (status === 'DECLINED')
        throw ApplicationFailure.nonRetryable('the card was declined', 'PAYMENT_DECLINED');
      return status === 'CHARGED';
    },
    giveUp: { code: 'PAYMENT_UNAVAILABLE', detail: 'the payment provider took no charge' },
  });

/** Undoes in reverse order and then cancels; no cancellation of the workflow stops it half-way. */
async function abandon(
  order: PlacedOrder,
  undo: Compensations,
  failure: Failure,
  { orders }: SagaSteps,
  progress: Progress,
): Promise<OrderOutcome> {
  progress.undoing(failure);
  await undo.run((name) => {
    progress.step(`undo: ${name}`);
  });
  await CancellationScope.nonCancellable(() => orders.cancelOrder(order, failure.reason, failure.detail));
  progress.reached('CANCELLED');
  return { status: 'CANCELLED', reason: failure.reason };
}
