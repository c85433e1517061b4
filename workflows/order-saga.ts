import { ApplicationFailure, CancellationScope } from '@temporalio/workflow';
import type { OrderOutcome, OrderSagaInput, PlacedOrder } from '../domain/order-saga.ts';
import { isPastOrderSaga } from '../domain/order.ts';
import type { SagaDeadlines } from '../domain/saga-settings.ts';
import { orderSagaSteps } from '../domain/saga-steps.ts';
import { shipmentWorkflowId } from '../domain/topology.ts';
import { takeApproval, type Approval } from './approval.ts';
import { inTime, nearest } from './deadline.ts';
import { failWith, refusal } from './failures.ts';
import { linkTo } from './progress.ts';
import { beginSaga, type SagaRun } from './saga.ts';
import { actOrAsk } from './unknown-outcome.ts';

type Run = SagaRun<typeof orderSagaSteps>;

/** Reserve the stock, charge the payment, complete the order; when a step fails, undo what may have happened. */
export async function orderSaga({ order, settings }: OrderSagaInput): Promise<OrderOutcome> {
  const { deadlines, approvalLimitMinor } = settings;
  const saga = beginSaga(orderSagaSteps, {
    order,
    settings,
    heading: `Order \`${order.id}\``,
    tooLate: () =>
      refusal('ORDER_IS_COMPLETING', 'the order is being completed; its shipment can be cancelled'),
    undo: ({ inventory, payments }) => ({
      releaseInventory: () => inventory.releaseInventory(order),
      refundPayment: () => payments.refundPayment(order),
    }),
  });
  const { inventory, orders } = saga;
  const approval = takeApproval();

  // Temporal refuses a second saga of an order only as long as it keeps the first one's history. Past this saga,
  // not "past PENDING": steps of this very saga whose completion got lost with their worker have moved the order on.
  const earlier = await CancellationScope.nonCancellable(() => orders.orderStatus(order));
  if (isPastOrderSaga(earlier)) {
    await saga.end(earlier, 'an earlier saga has brought it here');
    return { status: earlier };
  }

  try {
    await saga.forward(async () => {
      if (approvalLimitMinor !== null && order.totalMinor > approvalLimitMinor)
        await saga.step('approve', () => approve(order, approvalLimitMinor, deadlines, approval, saga));

      await saga.step('reserve', () => inventory.reserveInventory(order));
      await saga.step('charge', () => charge(order, deadlines, saga));
    });
    await saga.pointOfNoReturn('complete', () => orders.completeOrder(order));
    await saga.end('COMPLETED', `it goes on with ${linkTo(shipmentWorkflowId(order.id))}`);
    return { status: 'COMPLETED' };
  } catch (error) {
    return await saga.undoAll(error, {
      last: (why) => orders.cancelOrder(order, why.reason, why.detail),
    });
  }
}

/** @throws APPROVAL_REJECTED, APPROVAL_OVERDUE */
async function approve(
  order: PlacedOrder,
  limitMinor: number,
  { approvalMs }: SagaDeadlines,
  approval: Approval,
  { orders }: Run,
): Promise<void> {
  approval.open();
  await orders.requestApproval(order, limitMinor);
  const decision = await inTime(
    { withinMs: approvalMs, code: 'APPROVAL_OVERDUE', detail: 'nobody approved the order in time' },
    () => approval.decided(),
  );
  await orders.recordApproval(order, decision);
  if (decision.decision === 'approve') return;
  throw failWith('APPROVAL_REJECTED', { operator: decision.operator, reason: decision.reason });
}

/** @throws PAYMENT_DECLINED, PAYMENT_UNAVAILABLE, PAYMENT_OVERDUE, RESERVATION_EXPIRED */
const charge = (order: PlacedOrder, deadlines: SagaDeadlines, { payments }: Run): Promise<void> =>
  inTime(
    nearest(
      {
        withinMs: deadlines.paymentMs,
        code: 'PAYMENT_OVERDUE',
        detail: 'the payment did not come about in time',
      },
      {
        withinMs: deadlines.reservationMs,
        code: 'RESERVATION_EXPIRED',
        detail: 'the stock was held without a payment for too long',
      },
    ),
    () =>
      actOrAsk({
        act: () => payments.chargePayment(order),
        ask: async () => {
          const status = await payments.resolveCharge(order);
          if (status === 'DECLINED')
            throw ApplicationFailure.nonRetryable('the card was declined', 'PAYMENT_DECLINED');
          return status === 'CHARGED';
        },
        giveUp: { code: 'PAYMENT_UNAVAILABLE', detail: 'the payment provider took no charge' },
      }),
  );
