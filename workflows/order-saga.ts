import { ApplicationFailure, CancellationScope, sleep } from '@temporalio/workflow';
import { isBusinessRefusal } from '../domain/errors.ts';
import type { OrderOutcome, OrderSagaInput, PlacedOrder } from '../domain/order-saga.ts';
import { Compensations } from './compensations.ts';
import { failureOf, type Failure } from './failures.ts';
import { orderSteps, type OrderSteps } from './order-steps.ts';
import { createProgress, type Progress } from './progress.ts';

const CHARGE_ATTEMPTS = 3;
/** Doubled after each attempt, in ms. */
const CHARGE_PAUSE_MS = 1_000;

/** Reserve the stock, charge the payment, complete the order; when a step fails, undo what may have happened. */
export async function orderSaga({ order, localSteps }: OrderSagaInput): Promise<OrderOutcome> {
  const steps = orderSteps(localSteps);
  const { inventory, payments, orders } = steps;
  const progress = createProgress(order);
  const undo = new Compensations();

  // Temporal refuses a second saga of an order only as long as it keeps the first one's history. Ended, not
  // "past PENDING": steps of this very saga whose completion got lost with their worker have moved the order on.
  const ended = await CancellationScope.nonCancellable(() => orders.endedStatus(order));
  if (ended) return { status: ended };

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
    progress.reached('COMPLETED');
    return { status: 'COMPLETED' };
  } catch (error) {
    return await abandon(order, undo, failureOf(error), steps, progress);
  }
}

/** An attempt without an answer is resolved by asking; only a charge that never arrived is tried again. */
async function charge(order: PlacedOrder, { payments }: OrderSteps): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await payments.chargePayment(order);
      return;
    } catch (error) {
      const { reason } = failureOf(error);
      if (isBusinessRefusal(reason) || reason === 'CANCEL_REQUESTED') throw error;
    }
    const status = await payments.resolveCharge(order);
    if (status === 'CHARGED') return;
    if (status === 'DECLINED')
      throw ApplicationFailure.nonRetryable('the card was declined', 'PAYMENT_DECLINED');
    if (attempt === CHARGE_ATTEMPTS) {
      throw ApplicationFailure.nonRetryable(
        `the payment provider took no charge in ${CHARGE_ATTEMPTS} attempts`,
        'PAYMENT_UNAVAILABLE',
      );
    }
    await sleep(CHARGE_PAUSE_MS * 2 ** (attempt - 1));
  }
}

/** Undoes in reverse order and then cancels; no cancellation of the workflow stops it half-way. */
async function abandon(
  order: PlacedOrder,
  undo: Compensations,
  failure: Failure,
  { orders }: OrderSteps,
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
