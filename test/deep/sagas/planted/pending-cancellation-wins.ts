import { CancellationScope, CancelledFailure } from '@temporalio/workflow';
import * as real from '../../../../workflows/cancellation.ts';

/**
 * A planted bug: a cancellation that has not interrupted the forward steps still counts at the pivot, when the carrier is not
 * asked any more.
 */
export const takeCancellations: typeof real.takeCancellations = (tooLate) => {
  const cancellation = real.takeCancellations(tooLate);
  let isPending = false;
  let isForward = false;
  return {
    ...cancellation,
    forward: async (steps) => {
      await cancellation.forward(async () => {
        CancellationScope.current().cancelRequested.catch(() => {
          isPending = true;
        });
        await steps();
      });
      isForward = true;
    },
    tooLate: () => {
      if (isForward && isPending) throw new CancelledFailure('cancelled before the point of no return');
      cancellation.tooLate();
    },
  };
};
