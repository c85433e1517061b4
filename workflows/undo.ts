import type { MustSucceedName } from '../domain/desk.ts';
import { isStateConflict } from '../domain/errors.ts';
import { hasEnded, isPastOrderSaga, type OrderStatus, type UndoReason } from '../domain/order.ts';
import type { OrderPosition, SagaOrder } from '../domain/order-saga.ts';
import type { Saga } from '../domain/saga-steps.ts';
import type { Calls } from './calls.ts';
import type { Cancellation } from './cancellation.ts';
import type { Desk } from './compensation-desk.ts';
import type { Compensations } from './compensations.ts';
import { failureOf, isCancelReason, resumedUndo, type Failure } from './failures.ts';
import type { Progress } from './progress.ts';

/** What is written before the first and after the last compensation. */
export interface Around {
  readonly first?: (why: UndoReason) => Promise<void>;
  readonly last: (why: UndoReason) => Promise<void>;
}

interface Parts {
  readonly definition: Saga;
  readonly order: SagaOrder;
  readonly calls: Calls;
  readonly desk: Desk;
  readonly progress: Progress;
  readonly cancellation: Cancellation;
  readonly compensations: Compensations;
}

/** Why a saga compensates, and how. Call it in a non-cancellable scope. */
export interface Undo {
  /** An earlier run of this saga has begun to compensate; null when none has. */
  recordedEarlier(why: UndoReason | null): void;
  /** @throws the reason of an earlier run, where there is one */
  resume(): void;
  /**
   * Records why this saga compensates, so that the reason outlives the workflow.
   * @returns the reason that was recorded first, or the status of an order that is past this saga
   */
  begin(error: unknown): Promise<{ readonly why: UndoReason } | { readonly past: OrderStatus }>;
  /** The recall came too late: the saga goes on, and what was recorded does not count any more. */
  cameTooLate(): void;
  /** @returns what the order ends in; where it turns out to have ended before, nothing more is compensated */
  compensate(why: UndoReason, around: Around): Promise<OrderStatus>;
  /** Runs a call behind the pivot. @throws a reason to compensate that an earlier run has recorded */
  mustSucceed(call: MustSucceedName, act: () => Promise<unknown>): Promise<void>;
}

/** Sends a saga whose order has ended meanwhile to its end; never recorded. */
const orderHasEnded: UndoReason = { reason: 'CANCEL_REQUESTED', detail: 'the order has ended' };

export function createUndo(parts: Parts): Undo {
  const { definition, order, calls, desk, progress, cancellation, compensations } = parts;
  const isPast = (status: OrderStatus): boolean =>
    definition.kind === 'order' ? isPastOrderSaga(status) : hasEnded(status);
  const statusNow = async (): Promise<OrderStatus> => (await calls.orders.orderStatus(order)).status;
  let earlier: UndoReason | null = null;
  let begun: UndoReason | undefined;

  async function record({ reason, detail }: Failure): Promise<OrderPosition> {
    if (!isCancelReason(reason)) return calls.orders.orderStatus(order);
    const outcome = await desk.insist('beginUndo', () =>
      calls.orders.beginUndo(order, definition.kind, { reason, detail }),
    );
    return outcome.kind === 'DONE' ? outcome.value : calls.orders.orderStatus(order);
  }

  return {
    recordedEarlier: (why) => {
      earlier = why;
    },
    resume: () => {
      if (earlier) throw resumedUndo(earlier);
    },
    cameTooLate: () => {
      earlier = null;
      begun = undefined;
    },
    begin: async (error) => {
      if (begun) return { why: begun };
      const failure = cancellation.whyOf(error);
      progress.gaveUp(failure);
      const { status, undo } = await record(failure);
      if (isPast(status)) return { past: status };
      if (!undo)
        throw new Error(
          `the ${definition.kind} saga of ${order.id} would compensate for ${failure.reason}, which is no business reason`,
        );
      progress.gaveUp(undo);
      begun = undo;
      return { why: undo };
    },
    compensate: async (why, { first, last }) => {
      const { first: opening, last: closing, reaches } = definition.undoing;
      progress.undoing([...(opening ? [opening] : []), ...compensations.names, closing]);
      if (opening && first) {
        const opened = await desk.runCompensation(opening, () => first(why));
        if (opened.kind === 'ORDER_ENDED') return statusNow();
      }
      const isOpen = await compensations.run(
        async (name, undo) => (await desk.runCompensation(name, undo)).kind !== 'ORDER_ENDED',
      );
      if (!isOpen) return statusNow();
      const closed = await desk.runCompensation(closing, () => last(why));
      return closed.kind === 'DONE' ? reaches : statusNow();
    },
    mustSucceed: async (call, act) => {
      const outcome = await desk.insist(call, async () => {
        try {
          await act();
          return undefined;
        } catch (error) {
          if (!isStateConflict(failureOf(error).reason)) throw error;
          const { status, undo } = await calls.orders.orderStatus(order);
          if (hasEnded(status)) return orderHasEnded;
          // A parcel that has left stays so, whatever an earlier run had begun to compensate.
          if (undo && definition.kind === 'order') return undo;
          throw error;
        }
      });
      const why = outcome.kind === 'DONE' ? outcome.value : orderHasEnded;
      if (why) throw resumedUndo(why);
    },
  };
}
