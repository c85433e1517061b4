import type { UpdateDefinition } from '@temporalio/common';
import {
  CancellationScope,
  CancelledFailure,
  condition,
  defineUpdate,
  isCancellation,
  setHandler,
  type ApplicationFailure,
} from '@temporalio/workflow';
import { CANCEL_UPDATE, type CancelRequest } from '../domain/saga-requests.ts';
import { failureOf, type Failure } from './failures.ts';

const cancelOrder: UpdateDefinition<void, [CancelRequest]> = defineUpdate(CANCEL_UPDATE);

/** Where a saga is, as far as a cancellation cares: once it undoes, or is past its point of no return, it stays so. */
type Phase = 'MAY BE CANCELLED' | 'PAST THE POINT OF NO RETURN' | 'UNDOING';

export interface Cancellation {
  /** Runs what a cancellation breaks off. @throws CancelledFailure */
  forward<T>(act: () => Promise<T>): Promise<T>;
  /** From here on cancellations are refused. @throws CancelledFailure when one was taken before */
  passPointOfNoReturn(): void;
  /** What was to be taken back could not be: a cancellation that waits for that is refused. */
  tooLate(): void;
  /** The saga ends: a cancellation that was not carried out is refused. */
  over(): void;
  /** The saga undoes: cancellations are as good as carried out. */
  undoing(): void;
  /** Why the saga undoes: in the customer's words when that is the reason. */
  whyOf(error: unknown): Failure;
}

/**
 * Lets the update `cancelOrder` break off a saga's forward steps. It answers once it is sure what becomes of it.
 * @param tooLate what it is refused with past the point of no return
 */
export function takeCancellations(tooLate: () => ApplicationFailure): Cancellation {
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
      if (phase !== 'UNDOING') throw tooLate();
    },
    {
      validator: (_asked: CancelRequest) => {
        if (phase === 'PAST THE POINT OF NO RETURN') throw tooLate();
      },
    },
  );

  return {
    forward: (act) => scope.run(act),
    passPointOfNoReturn: () => {
      if (phase === 'MAY BE CANCELLED' && request)
        throw new CancelledFailure('cancelled before the point of no return');
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
