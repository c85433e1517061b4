import { md } from '../../../domain/markdown.ts';
import type { OrderOutcome, OrderSagaInput } from '../../../domain/order-saga.ts';
import { orderSagaSteps, type Saga } from '../../../domain/saga-steps.ts';
import { refusal } from '../../../workflows/failures.ts';
import { beginSaga } from '../../../workflows/saga.ts';

/** The walk "add a step" of docs/sagas.md: the order saga with one more step. */

// doc: definition
const { reserve, charge, complete } = orderSagaSteps.steps;

export const expressSteps = {
  kind: 'order',
  title: 'Express order saga',
  inherits: [],
  steps: {
    reserve,
    // The new step. Its place here is its place in the progress, the Web UI and the diagram.
    book: { name: 'book courier', call: 'bookCarrier', undo: 'cancelBooking' },
    charge,
    complete,
  },
  undoing: { fence: 'beginUndo', last: 'cancelOrder', reaches: 'CANCELLED' },
} as const satisfies Saga;
// end doc

// doc: workflow
export async function expressSaga({ order, settings }: OrderSagaInput): Promise<OrderOutcome> {
  const saga = beginSaga(expressSteps, {
    order,
    settings,
    heading: md`Express order ${order.id}`,
    tooLate: () => refusal('TOO_LATE_TO_CANCEL'),
    undo: ({ inventory, payments, shipping }) => ({
      releaseInventory: () => inventory.releaseInventory(order),
      // Of the new step. The definition names it, so without this it does not compile.
      cancelBooking: async () => {
        await shipping.cancelBooking(order);
      },
      refundPayment: () => payments.refundPayment(order),
    }),
  });
  const { inventory, payments, orders, shipping } = saga;
  try {
    await saga.forward(async () => {
      await saga.step('reserve', () => inventory.reserveInventory(order));
      // The new step.
      await saga.step('book', () => shipping.bookCarrier(order));
      await saga.step('charge', () => payments.chargePayment(order));
    });
    await saga.pointOfNoReturn('complete', () => orders.completeOrder(order));
    await saga.end('COMPLETED');
    return { status: 'COMPLETED' };
  } catch (error) {
    return await saga.undoAll(error, {
      last: (why) => orders.cancelOrder(order, why.reason, why.detail),
    });
  }
}
// end doc
