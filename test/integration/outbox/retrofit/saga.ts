import { CancellationScope, proxyActivities, rootCause, TemporalFailure } from '@temporalio/workflow';
import type { PlacedOrder, ShopActivities } from './saga-activities.ts';

// doc: saga
// A refusal is final. A step that has not answered after five tries, here some seconds, is given up, and undone like
// one that was done.
const { setAside, takePayment } = proxyActivities<ShopActivities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '200 milliseconds', maximumAttempts: 5 },
});
// Repeated until they are done, for days if need be: Temporal shows them with their last error.
const { markPaid, refund, giveBack, cancelOrder } = proxyActivities<ShopActivities>({
  startToCloseTimeout: '10 seconds',
});

export async function orderSaga(order: PlacedOrder): Promise<{ status: string; reason?: string }> {
  const undos: ((order: PlacedOrder) => Promise<void>)[] = [];
  try {
    undos.push(giveBack); // before the act: a step whose answer is lost may have happened
    await setAside(order);

    undos.push(refund);
    await takePayment(order);

    // The point of no return: no cancellation breaks it off, and it fails only when the order is gone.
    await CancellationScope.nonCancellable(() => markPaid(order));
    return { status: 'PAID' };
  } catch (error) {
    // A mistake in this function: the saga waits until it is corrected, and cancels no order.
    if (!(error instanceof TemporalFailure)) throw error;
    await CancellationScope.nonCancellable(async () => {
      for (const undo of undos.reverse()) await undo(order);
      await cancelOrder(order);
    });
    return { status: 'CANCELLED', reason: rootCause(error) ?? error.message };
  }
}
// end doc
