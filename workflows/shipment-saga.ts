import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import type { SagaOrder } from '../domain/order-saga.ts';
import { hasEnded } from '../domain/order.ts';
import type { ShipmentOutcome, ShipmentSagaInput } from '../domain/shipment-saga.ts';
import { orderWorkflowId } from '../domain/topology.ts';
import { Compensations } from './compensations.ts';
import { failureOf, type Failure } from './failures.ts';
import { followParcel } from './parcel.ts';
import { createProgress, linkTo, type Progress } from './progress.ts';
import { sagaSteps, type SagaSteps } from './saga-steps.ts';
import { actOrAsk } from './unknown-outcome.ts';

/**
 * Book a carrier, see the parcel leave, see it arrive. Until it has left, a failure gives money and stock back; after
 * that the goods are gone, and only the money can go back.
 */
export async function shipmentSaga(input: ShipmentSagaInput): Promise<ShipmentOutcome> {
  const { order, deadlines } = input;
  const steps = sagaSteps(input.localSteps);
  const { inventory, payments, orders, shipping } = steps;
  const parcel = followParcel(() => shipping.locateParcel(order));
  const progress = createProgress(`Shipment of ${linkTo(orderWorkflowId(order.id))}`);
  const undo = new Compensations();

  const earlier = await CancellationScope.nonCancellable(() => orders.orderStatus(order));
  if (hasEnded(earlier)) return { status: earlier };

  try {
    // What the order saga has done is this saga's to undo.
    undo.push('release inventory', () => inventory.releaseInventory(order));
    undo.push('refund payment', () => payments.refundPayment(order));
    progress.step('book carrier');
    await book(order, steps);

    progress.step('wait until the parcel has left');
    await parcel.hasLeft(deadlines.dispatchMs);
  } catch (error) {
    const failure = failureOf(error);
    if (await isTakenBack(order, steps)) return await refund(order, undo, failure, steps, progress);
    // It has left all the same; what counts now is whether it arrives.
  }

  // The point of no return: no cancellation brings the goods back.
  return CancellationScope.nonCancellable(async () => {
    const money = new Compensations();
    try {
      progress.step('book the stock out');
      await inventory.shipInventory(order);

      money.push('refund payment', () => payments.refundPayment(order));
      progress.reached('SHIPPED', 'wait until the parcel has arrived');
      await parcel.hasArrived(deadlines.deliveryMs);

      await orders.deliverOrder(order);
      progress.reached('DELIVERED');
      return { status: 'DELIVERED' };
    } catch (error) {
      return await refund(order, money, failureOf(error), steps, progress);
    }
  });
}

const book = (order: SagaOrder, { shipping }: SagaSteps): Promise<void> =>
  actOrAsk({
    act: () => shipping.bookCarrier(order),
    ask: async () => {
      const status = await shipping.locateParcel(order);
      if (status === 'REFUSED' || status === 'CANCELLED')
        throw ApplicationFailure.nonRetryable('the carrier does not take the parcel', 'BOOKING_REFUSED');
      return status !== 'NOT_FOUND';
    },
    giveUp: { code: 'CARRIER_UNAVAILABLE', detail: 'the carrier took no booking' },
  });

/** Whether the booking could be taken back, so that nothing leaves any more. */
const isTakenBack = (order: SagaOrder, { shipping }: SagaSteps): Promise<boolean> =>
  CancellationScope.nonCancellable(() => shipping.cancelBooking(order));

/** Undoes in reverse order and ends the order; no cancellation of the workflow stops it half-way. */
async function refund(
  order: SagaOrder,
  undo: Compensations,
  failure: Failure,
  { orders }: SagaSteps,
  progress: Progress,
): Promise<ShipmentOutcome> {
  const { reason, detail } = failure;
  progress.undoing(failure);
  await CancellationScope.nonCancellable(() => orders.failShipment(order, reason, detail));
  await undo.run((name) => {
    progress.step(`undo: ${name}`);
  });
  await CancellationScope.nonCancellable(() => orders.refundOrder(order, reason, detail));
  progress.reached('REFUNDED');
  return { status: 'REFUNDED', reason };
}
