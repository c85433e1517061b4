import { CancellationScope, setWorkflowOptions, workflowInfo } from '@temporalio/workflow';
import type { ApprovalDecision } from '../domain/desk.ts';
import { md } from '../domain/markdown.ts';
import type { OrderOutcome, OrderSagaInput, PlacedOrder } from '../domain/order-saga.ts';
import { isPastOrderSaga, type ApprovalFacet } from '../domain/order.ts';
import type { SagaDeadlines } from '../domain/saga-settings.ts';
import { orderSagaSteps } from '../domain/saga-steps.ts';
import { shipmentWorkflowId } from '../domain/topology.ts';
import { takeApproval, type Approval } from './approval.ts';
import { withDeadline, nearest } from './deadline.ts';
import { workflowLink } from './details.ts';
import { failWith, refusal } from './failures.ts';
import { beginSaga, type SagaRun } from './saga.ts';
import { actOrAsk } from './unknown-outcome.ts';

type Run = SagaRun<typeof orderSagaSteps>;

/** Reserve the stock, charge the payment, complete the order; when a step fails, undo what may have happened. */
export async function orderSaga({ order, settings }: OrderSagaInput): Promise<OrderOutcome> {
  const { deadlines, approvalLimitMinor } = settings;
  const saga = beginSaga(orderSagaSteps, {
    order,
    settings,
    heading: md`Order ${order.id}`,
    tooLate: () => refusal('ORDER_IS_COMPLETING'),
    undo: ({ inventory, payments }) => ({
      releaseInventory: () => inventory.releaseInventory(order),
      refundPayment: () => payments.refundPayment(order),
    }),
  });
  const { orders } = saga;
  const approval = takeApproval();

  // An order can get a second saga, when the first was terminated or lost. Past this saga, not "past PENDING": that run, or
  // steps of this one whose completion was lost with their worker, have moved the order on.
  const { status, approval: decided } = await saga.position();
  if (isPastOrderSaga(status)) {
    await saga.end(status, md`an earlier run has brought it here`);
    return { status };
  }

  try {
    await saga.forward(async () => {
      if (approvalLimitMinor !== null && order.totalMinor > approvalLimitMinor)
        await saga.step('approve', () =>
          approve(order, { decided, approvalLimitMinor, deadlines }, approval, saga),
        );

      await saga.step('reserve', () => reserve(order, deadlines, saga));
      await saga.step('charge', () => charge(order, deadlines, saga));
    });
    await saga.pointOfNoReturn('complete', () => orders.completeOrder(order));
    await saga.end('COMPLETED', md`it goes on with ${workflowLink(shipmentWorkflowId(order.id))}`);
    return { status: 'COMPLETED' };
  } catch (error) {
    return await saga.undoAll(error, {
      last: (why) => orders.cancelOrder(order, why.reason, why.detail),
    });
  }
}
// Short, so it ends with the code that it began with. A server refuses to be told this by an unversioned worker.
setWorkflowOptions(
  () => (workflowInfo().currentDeploymentVersion?.deploymentName ? { versioningBehavior: 'PINNED' } : {}),
  orderSaga,
);

interface ApprovalNeeded {
  /** What an earlier run of this saga has recorded. */
  readonly decided: ApprovalFacet;
  readonly approvalLimitMinor: number;
  readonly deadlines: SagaDeadlines;
}

/** @throws APPROVAL_REJECTED, APPROVAL_OVERDUE */
async function approve(
  order: PlacedOrder,
  { decided, approvalLimitMinor, deadlines }: ApprovalNeeded,
  approval: Approval,
  { orders }: Run,
): Promise<void> {
  if (decided === 'GRANTED') return;
  if (decided === 'REFUSED') throw failWith('APPROVAL_REJECTED');
  const decision = await decisionOn(order, approvalLimitMinor, deadlines, approval, orders);
  await CancellationScope.nonCancellable(() => orders.recordApproval(order, decision));
  if (decision.decision === 'approve') return;
  const { operator, reason } = decision;
  throw failWith('APPROVAL_REJECTED', { operator, reason });
}

/** A decision that was answered counts, also when a cancellation or the deadline comes at the same moment. */
async function decisionOn(
  order: PlacedOrder,
  limitMinor: number,
  { approvalMs }: SagaDeadlines,
  approval: Approval,
  orders: Run['orders'],
): Promise<ApprovalDecision> {
  const request = (): Promise<void> => orders.requestApproval(order, limitMinor);
  approval.open();
  try {
    return await withDeadline({ withinMs: approvalMs, code: 'APPROVAL_OVERDUE' }, async () => {
      await request();
      return approval.decided();
    });
  } catch (error) {
    const given = approval.close();
    if (!given) throw error;
    await CancellationScope.nonCancellable(request);
    return given;
  }
}

/** @throws OUT_OF_STOCK, RESERVATION_EXPIRED */
const reserve = (order: PlacedOrder, { reservationMs }: SagaDeadlines, { inventory }: Run): Promise<void> =>
  withDeadline({ withinMs: reservationMs, code: 'RESERVATION_EXPIRED' }, () =>
    inventory.reserveInventory(order),
  );

/** @throws PAYMENT_DECLINED, PAYMENT_OVERDUE, RESERVATION_EXPIRED */
const charge = (order: PlacedOrder, deadlines: SagaDeadlines, { payments }: Run): Promise<unknown> =>
  withDeadline(
    nearest(
      { withinMs: deadlines.paymentMs, code: 'PAYMENT_OVERDUE' },
      { withinMs: deadlines.reservationMs, code: 'RESERVATION_EXPIRED' },
    ),
    () =>
      actOrAsk({
        act: async () => {
          await payments.chargePayment(order);
          return 'charged';
        },
        ask: async () => {
          const status = await payments.resolveCharge(order);
          if (status === 'DECLINED') throw failWith('PAYMENT_DECLINED');
          return status === 'CHARGED' ? 'charged' : undefined;
        },
      }),
  );
