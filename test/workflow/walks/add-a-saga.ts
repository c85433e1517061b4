import { md } from '../../../domain/markdown.ts';
import type { OrderOutcome, OrderSagaInput } from '../../../domain/order-saga.ts';
import type { Saga } from '../../../domain/saga-steps.ts';
import { withDeadline } from '../../../workflows/deadline.ts';
import { refusal } from '../../../workflows/failures.ts';
import { followParcel } from '../../../workflows/parcel.ts';
import { beginSaga } from '../../../workflows/saga.ts';

/** The walk "add a saga" of docs/sagas.md: goods that cost nothing, sent without a payment. */

// doc: definition
export const sampleSteps = {
  // The saga that has the order until it has left.
  kind: 'order',
  title: 'Sample saga',
  inherits: [],
  steps: {
    reserve: { name: 'reserve the sample', call: 'reserveInventory', undo: 'releaseInventory' },
    book: { name: 'book carrier', call: 'bookCarrier', undo: 'cancelBooking', deadlines: ['dispatchMs'] },
    dispatch: {
      name: 'wait until the sample has left',
      waits: 'the carrier tells that it has left',
      deadlines: ['dispatchMs'],
    },
    bookOut: {
      name: 'book the sample out',
      call: 'shipInventory',
      reaches: 'SHIPPED',
      pointOfNoReturn: true,
    },
  },
  // The fence comes first: goods that were booked out, though the answer was lost, stay so.
  undoing: { fence: 'beginUndo', last: 'cancelOrder', reaches: 'CANCELLED' },
} as const satisfies Saga;
// end doc

// doc: workflow
export async function sampleSaga({ order, settings }: OrderSagaInput): Promise<OrderOutcome> {
  const saga = beginSaga(sampleSteps, {
    order,
    settings,
    heading: md`Sample ${order.id}`,
    tooLate: () => refusal('TOO_LATE_TO_CANCEL'),
    undo: ({ inventory, shipping }) => ({
      releaseInventory: () => inventory.releaseInventory(order),
      cancelBooking: async () => {
        await shipping.cancelBooking(order);
      },
    }),
  });
  const { inventory, orders, shipping } = saga;
  const parcel = followParcel(() => shipping.locateParcel(order));
  try {
    await saga.forward(async () => {
      await saga.step('reserve', () => inventory.reserveInventory(order));
      await withDeadline({ withinMs: settings.deadlines.dispatchMs, code: 'DISPATCH_OVERDUE' }, async () => {
        await saga.step('book', () => shipping.bookCarrier(order));
        await saga.step('dispatch', () => parcel.hasLeft());
      });
    });
    await saga.pointOfNoReturn('bookOut', () => inventory.shipInventory(order));
    await saga.end('SHIPPED');
    return { status: 'SHIPPED' };
  } catch (error) {
    return await saga.undoAll(error, {
      last: (why) => orders.cancelOrder(order, why.reason, why.detail),
    });
  }
}
// end doc
