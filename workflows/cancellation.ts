import type { UpdateDefinition } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  defineUpdate,
  isCancellation,
  setHandler,
  type ApplicationFailure,
} from '@temporalio/workflow';
import { CANCEL_UPDATE, type CancelRequest } from '../domain/saga-requests.ts';
import { failureOf, refusal, type Failure } from './failures.ts';
import { isTexts } from './update-arguments.ts';

const cancelOrder: UpdateDefinition<void, [CancelRequest]> = defineUpdate(CANCEL_UPDATE);

/** Where a saga is, as far as a cancellation cares: once it compensates, or is past its pivot, it stays so. */
type Phase = 'MAY BE CANCELLED' | 'PAST THE POINT OF NO RETURN' | 'UNDOING';

export interface Cancellation {
  /**
   * Runs the steps that a cancellation interrupts. Once they have succeeded the saga is past its point of no return: a
   * cancellation that has not interrupted them by then is refused. This is the one place that decides between the two.
   * @throws CancelledFailure when a cancellation came first
   */
  forward(steps: () => Promise<void>): Promise<void>;
  /** The saga goes forward from here to its end, and refuses cancellations. */
  tooLate(): void;
  /** The saga ends: a cancellation that was not carried out is refused. */
  over(): void;
  /** The saga compensates: a cancellation received now will succeed. */
  undoing(): void;
  /** Why the saga compensates: in the customer's words when that is the reason. */
  whyOf(error: unknown): Failure;
}

/**
 * Lets the update `cancelOrder` interrupt a saga's forward steps. It answers once the outcome is certain.
 * @param refusalWhenTooLate what it is refused with past the point of no return
 */
export function takeCancellations(refusalWhenTooLate: () => ApplicationFailure): Cancellation {
  let phase: Phase = 'MAY BE CANCELLED';
  let request: CancelRequest | undefined;
  const scope = new CancellationScope();

  setHandler(
    cancelOrder,
    async (asked: CancelRequest) => {
      if (phase === 'MAY BE CANCELLED' && !request) {
        request = asked;
        scope.cancel();
      }
      await CancellationScope.nonCancellable(() => condition(() => phase !== 'MAY BE CANCELLED'));
      if (phase !== 'UNDOING') throw refusalWhenTooLate();
    },
    {
      validator: (asked: CancelRequest) => {
        if (!isTexts(asked, ['reason']))
          throw refusal('INVALID_ARGUMENTS', { takes: 'reason: a line of visible text' });
        if (phase === 'PAST THE POINT OF NO RETURN') throw refusalWhenTooLate();
      },
    },
  );

  return {
    forward: async (steps) => {
      await scope.run(steps);
      phase = 'PAST THE POINT OF NO RETURN';
    },
    tooLate: () => {
      phase = 'PAST THE POINT OF NO RETURN';
    },
    over: () => {
      if (phase === 'MAY BE CANCELLED') phase = 'PAST THE POINT OF NO RETURN';
    },
    undoing: () => {
      phase = 'UNDOING';
    },
    whyOf: (error) => {
      const failure = failureOf(error);
      return request && isCancellation(error) ? { ...failure, detail: request.reason } : failure;
    },
  };
}
