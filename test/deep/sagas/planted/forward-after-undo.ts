import type { PlacedOrder } from '../../../../domain/order-saga.ts';
import * as real from '../../../../workflows/saga.ts';

/** A planted bug: once everything is undone, a step goes forward again. */
export const beginSaga: typeof real.beginSaga = (definition, beginning) => {
  const saga = real.beginSaga(definition, beginning);
  return {
    ...saga,
    undoAll: (error, around) =>
      saga.undoAll(error, {
        ...around,
        last: async (why) => {
          await saga.inventory.reserveInventory(beginning.order as PlacedOrder).catch(() => undefined);
          await around.last(why);
        },
      }),
  };
};
