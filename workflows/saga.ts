import {
  allHandlersFinished,
  CancellationScope,
  condition,
  type ApplicationFailure,
} from '@temporalio/workflow';
import type { MustSucceedName, UndoName } from '../domain/desk.ts';
import { isStateConflict } from '../domain/errors.ts';
import { hasEnded, isPastOrderSaga, type OrderStatus, type UndoReason } from '../domain/order.ts';
import type { OrderOutcome, OrderPosition, SagaOrder } from '../domain/order-saga.ts';
import type { SagaSettings } from '../domain/saga-settings.ts';
import { sagaCalls, type Saga, type SagaStep } from '../domain/saga-steps.ts';
import { createCalls, type Calls } from './calls.ts';
import { takeCancellations } from './cancellation.ts';
import { openDesk } from './compensation-desk.ts';
import { Compensations } from './compensations.ts';
import { failureOf, isCancelReason, resumedUndo, type Failure } from './failures.ts';
import { createProgress } from './progress.ts';

/** What takes each step back, and what an earlier saga has done; a definition that names one must be given it. */
type Undos<S extends Saga> = Readonly<
  Record<
    S['inherits'][number] | Extract<S['steps'][keyof S['steps']], { undo: UndoName }>['undo'],
    () => Promise<void>
  >
>;

export interface SagaRun<S extends Saga> extends Calls {
  /** Where an earlier run has brought the order; the first thing that a saga asks. */
  position(): Promise<OrderPosition>;
  /**
   * Runs the steps that a cancellation interrupts; once they have succeeded, cancellations are refused. Where an earlier run
   * has begun to compensate, it throws that run's reason instead.
   */
  forward(steps: () => Promise<void>): Promise<void>;
  /** Runs a step; its compensation is registered before it acts. */
  step(key: keyof S['steps'], act: () => Promise<unknown>): Promise<void>;
  /** Runs the pivot step; after it begins, the saga can no longer be cancelled. */
  pointOfNoReturn(key: keyof S['steps'], act: () => Promise<unknown>): Promise<void>;
  /** Runs a call behind the pivot, which the saga can neither compensate nor do without. */
  mustSucceed(call: MustSucceedName, act: () => Promise<unknown>): Promise<void>;
  /**
   * After a failure: asks an outside system to take its part back, before anything is compensated.
   * @returns whether that came in time; where not, the saga is past its point of no return
   */
  recall(error: unknown, undo: UndoName, act: () => Promise<boolean>): Promise<boolean>;
  /**
   * Compensates in reverse order, and ends; no cancellation of the workflow stops it half-way. An order that an earlier run
   * has brought past this saga stays as it is.
   */
  undoAll(error: unknown, around: Around): Promise<OrderOutcome>;
  /** The last thing that a saga does. */
  end(status: OrderStatus, note?: string): Promise<void>;
}

/** What is written before the first and after the last compensation. */
interface Around {
  readonly first?: (why: UndoReason) => Promise<void>;
  readonly last: (why: UndoReason) => Promise<void>;
}

interface Beginning<S extends Saga> {
  readonly order: SagaOrder;
  readonly settings: SagaSettings;
  /** What the workflow is about, in Markdown. */
  readonly heading: string;
  /** What a cancellation is refused with past the point of no return. */
  readonly tooLate: () => ApplicationFailure;
  readonly undo: (calls: Calls) => Undos<S>;
}

/** Sends a saga whose order has ended meanwhile to its end; never recorded. */
const orderHasEnded: UndoReason = { reason: 'CANCEL_REQUESTED', detail: 'the order has ended' };

/** What both sagas are made of: calls with their retries, progress, cancellation, compensations and their desk. */
export function beginSaga<const S extends Saga>(definition: S, beginning: Beginning<S>): SagaRun<S> {
  const { order, settings, heading, tooLate } = beginning;
  const steps: Saga['steps'] = definition.steps;
  const progress = createProgress(definition, heading);
  const cancellation = takeCancellations(tooLate);
  const compensations = new Compensations();
  const calls = createCalls(settings, {
    began: (call) => {
      progress.attempted(call);
    },
    failed: (_call, failure) => {
      progress.failed(failure);
    },
  });
  const desk = openDesk(order, calls.orders, progress);
  const undos: Partial<Record<UndoName, () => Promise<void>>> = beginning.undo(calls);
  const register = (name: UndoName | undefined): void => {
    const undo = name && undos[name];
    if (undo && !compensations.names.includes(name)) compensations.push(name, undo);
  };
  definition.inherits.forEach(register);
  // A local activity can run without leaving history if its workflow task is lost, so local steps are always compensated,
  // and what comes before them too, to keep the order.
  const isLocal = ({ call }: SagaStep): boolean =>
    call !== undefined && settings.localSteps.includes(sagaCalls[call].capability);
  const inOrder = Object.values(steps);
  const lastLocal = inOrder.findLastIndex((step) => step.undo && isLocal(step));
  for (const { undo } of inOrder.slice(0, lastLocal + 1)) register(undo);
  /** An earlier run has done what the order shows, and may have begun the step after that. */
  const registerEarlier = (status: OrderStatus): void => {
    const done = inOrder.findLastIndex(({ reaches }) => reaches === status);
    const begun = inOrder.findIndex(({ undo }, index) => undo && index > done);
    for (const { undo } of inOrder.slice(0, Math.max(done, begun) + 1)) register(undo);
  };

  const stepOf = (key: PropertyKey): Saga['steps'][string] => {
    const step = steps[key as string];
    if (!step) throw new Error(`${definition.title} has no step ${String(key)}`);
    return step;
  };

  const end = async (status: OrderStatus, note?: string): Promise<void> => {
    cancellation.over();
    progress.ended(status, note);
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  };

  const isPast = (status: OrderStatus): boolean =>
    definition.kind === 'order' ? isPastOrderSaga(status) : hasEnded(status);
  const statusNow = async (): Promise<OrderStatus> => (await calls.orders.orderStatus(order)).status;

  let earlier: UndoReason | null = null;
  /** @throws the reason of an earlier run that has begun to compensate, where there is one */
  const resume = (): void => {
    if (earlier) throw resumedUndo(earlier);
  };
  let begun: UndoReason | undefined;

  /**
   * Records why this saga compensates, so that the reason outlives the workflow.
   * @returns the reason that was recorded first, or the status of an order that is past this saga
   */
  async function beginUndo(error: unknown): Promise<{ why: UndoReason } | { past: OrderStatus }> {
    if (begun) return { why: begun };
    const failure = cancellation.whyOf(error);
    progress.gaveUp(failure);
    const { status, undo } = await recordUndo(failure);
    if (isPast(status)) return { past: status };
    if (!undo)
      throw new Error(`${heading} would compensate for ${failure.reason}, which is no business reason`);
    progress.gaveUp(undo);
    begun = undo;
    return { why: undo };
  }

  async function recordUndo({ reason, detail }: Failure): Promise<OrderPosition> {
    if (!isCancelReason(reason)) return calls.orders.orderStatus(order);
    const outcome = await desk.insist('beginUndo', () =>
      calls.orders.beginUndo(order, definition.kind, { reason, detail }),
    );
    return outcome.kind === 'DONE' ? outcome.value : calls.orders.orderStatus(order);
  }

  /** @returns what the order ends in; where it turns out to have ended before, nothing more is compensated */
  async function compensate(why: UndoReason, { first, last }: Around): Promise<OrderStatus> {
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
  }

  /** A conflict with our own books either comes from an earlier run that compensates, or is for an operator. */
  async function mustSucceed(call: MustSucceedName, act: () => Promise<unknown>): Promise<void> {
    const stopped = await desk.insist(call, async () => {
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
    const why = stopped.kind === 'DONE' ? stopped.value : orderHasEnded;
    if (why) throw resumedUndo(why);
  }

  return {
    ...calls,
    position: () =>
      CancellationScope.nonCancellable(async () => {
        const position = await calls.orders.orderStatus(order);
        earlier = position.undo;
        registerEarlier(position.status);
        return position;
      }),
    forward: (act) =>
      cancellation.forward(async () => {
        resume();
        await act();
      }),
    step: async (key, act) => {
      const { name, call, undo, reaches } = stepOf(key);
      register(undo);
      progress.begins(name, call);
      await act();
      progress.reached(reaches);
    },
    pointOfNoReturn: async (key, act) => {
      const { name, call, reaches, forgets } = stepOf(key);
      cancellation.tooLate();
      resume();
      compensations.forget(forgets ?? []);
      progress.begins(name, call);
      await CancellationScope.nonCancellable(() => mustSucceed(call as MustSucceedName, act));
      progress.reached(reaches);
    },
    mustSucceed,
    recall: (error, undo, act) =>
      CancellationScope.nonCancellable(async () => {
        if ('past' in (await beginUndo(error))) return true;
        const outcome = await desk.runCompensation(undo, act);
        // Settled by an operator, by hand or by waiving it: the saga compensates the rest and never goes forward again.
        if (outcome.kind !== 'DONE' || outcome.value) return true;
        earlier = null;
        begun = undefined;
        cancellation.tooLate();
        progress.goesOn(`${undo} came too late: the saga goes on`);
        return false;
      }),
    undoAll: (error, around) =>
      CancellationScope.nonCancellable(async () => {
        const undo = await beginUndo(error);
        if ('past' in undo) {
          await end(undo.past, 'an earlier run has brought it here');
          return { status: undo.past };
        }
        cancellation.undoing();
        const reached = await compensate(undo.why, around);
        await end(
          reached,
          reached === definition.undoing.reaches ? undefined : 'it had come to this end before',
        );
        return {
          status: reached,
          ...(reached === definition.undoing.reaches && { reason: undo.why.reason }),
        };
      }),
    end,
  };
}
