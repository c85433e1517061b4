import { sleep } from '@temporalio/workflow';
import * as real from '../../../workflows/saga.ts';

/** A change that no order saga before its charge can be replayed with: it waits for a moment first. */
export const beginSaga: typeof real.beginSaga = (definition, beginning) => {
  const saga = real.beginSaga(definition, beginning);
  return {
    ...saga,
    step: (key, act) =>
      saga.step(key, async () => {
        if (key === 'charge') await sleep(10, { summary: 'A planted pause' });
        return act();
      }),
  };
};
