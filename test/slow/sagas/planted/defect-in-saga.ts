import type { PlacedOrder } from '../../../../domain/order-saga.ts';
import * as real from '../../../../workflows/saga.ts';

/** A planted bug: orders of one product make the workflow's code throw what belongs into a log. */
export const beginSaga: typeof real.beginSaga = (definition, beginning) => {
  const { lines = [] } = beginning.order as Partial<PlacedOrder>;
  if (lines.some(({ sku }) => sku === 'DEFECT'))
    throw new TypeError('select a from orders.orders at /app/dist/workflows/saga.js, 127.0.0.1:5432');
  return real.beginSaga(definition, beginning);
};
