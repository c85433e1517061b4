import { upsertMemo } from '@temporalio/workflow';
import type { PlacedOrder } from '../../../../domain/order-saga.ts';
import * as real from '../../../../workflows/saga.ts';

/**
 * A planted release with two bugs: it throws for orders of one product, and its sagas begin with a command that the
 * histories of running ones do not have.
 */
export const beginSaga: typeof real.beginSaga = (definition, beginning) => {
  const { lines = [] } = beginning.order as Partial<PlacedOrder>;
  if (lines.some(({ sku }) => sku === 'DEFECT'))
    throw new TypeError('cannot read properties of a planted bug');
  upsertMemo({ planted: true });
  return real.beginSaga(definition, beginning);
};
