import { CancellationScope } from '@temporalio/workflow';
import { md } from '../domain/markdown.ts';
import type { SagaOrder } from '../domain/order-saga.ts';
import { hasEnded } from '../domain/order.ts';
import { shipmentSagaSteps } from '../domain/saga-steps.ts';
import type { ParcelStatus, ShipmentOutcome, ShipmentSagaInput } from '../domain/shipment-saga.ts';
import { orderWorkflowId } from '../domain/topology.ts';
import { withDeadline } from './deadline.ts';
import { workflowLink } from './details.ts';
import { failWith, refusal } from './failures.ts';
import { followParcel } from './parcel.ts';
import { beginSaga, type SagaRun } from './saga.ts';
import { actOrAsk } from './unknown-outcome.ts';

type Run = SagaRun<typeof shipmentSagaSteps>;

/**
 * Book a carrier, see the parcel leave, see it arrive. Until it has left, a failure gives money and stock back; after
 * that the goods are gone, and only the money can go back.
 */
export async function shipmentSaga({ order, settings }: ShipmentSagaInput): Promise<ShipmentOutcome> {
  const { dispatchMs, deliveryMs } = settings.deadlines;
  const saga = beginSaga(shipmentSagaSteps, {
    order,
    settings,
    heading: md`Shipment of ${workflowLink(orderWorkflowId(order.id))}`,
    tooLate: () => refusal('TOO_LATE_TO_CANCEL'),
    // What the order saga has done is this saga's to undo.
    undo: ({ inventory, payments }) => ({
      releaseInventory: () => inventory.releaseInventory(order),
      refundPayment: () => payments.refundPayment(order),
    }),
  });
  const { inventory, orders, shipping } = saga;
  const parcel = followParcel(() => shipping.locateParcel(order));

  const { status } = await saga.position();
  if (hasEnded(status)) {
    await saga.end(status, md`an earlier run has brought it here`);
    return { status };
  }

  const refund = (error: unknown): Promise<ShipmentOutcome> =>
    saga.undoAll(error, {
      first: (why) => orders.failShipment(order, why.reason, why.detail),
      last: (why) => orders.refundOrder(order, why.reason, why.detail),
    });

  // An earlier run has seen the parcel leave, and what the carrier told that run is lost: so the carrier is asked.
  if (status === 'SHIPPED')
    await CancellationScope.nonCancellable(async () => {
      parcel.learn(await shipping.locateParcel(order));
    });
  else
    try {
      await saga.forward(() =>
        withDeadline({ withinMs: dispatchMs, code: 'DISPATCH_OVERDUE' }, async () => {
          await saga.step('book', async () => {
            parcel.learn(await book(order, saga));
          });
          await saga.step('dispatch', () => parcel.hasLeft());
        }),
      );
    } catch (error) {
      if (await saga.recall(error, 'cancelBooking', () => shipping.cancelBooking(order)))
        return refund(error);
      // It has left all the same; what counts now is whether it arrives.
    }

  return CancellationScope.nonCancellable(async () => {
    try {
      await saga.pointOfNoReturn('bookOut', () => inventory.shipInventory(order));
      await saga.step('deliver', async () => {
        await parcel.hasArrived(deliveryMs);
        await saga.mustSucceed('deliverOrder', () => orders.deliverOrder(order));
      });
      await saga.end('DELIVERED');
      return { status: 'DELIVERED' };
    } catch (error) {
      return refund(error);
    }
  });
}

/** @returns where the parcel is. @throws BOOKING_REFUSED */
const book = (order: SagaOrder, { shipping }: Run): Promise<ParcelStatus> =>
  actOrAsk({
    act: () => shipping.bookCarrier(order),
    ask: async () => {
      const status = await shipping.locateParcel(order);
      if (status === 'REFUSED' || status === 'CANCELLED') throw failWith('BOOKING_REFUSED');
      return status === 'NOT_FOUND' ? undefined : status;
    },
  });
