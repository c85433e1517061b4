import {
  allHandlersFinished,
  CancellationScope,
  condition,
  type ApplicationFailure,
} from '@temporalio/workflow';
import type { MustSucceedName, UndoName } from '../domain/desk.ts';
import { md, type Markdown } from '../domain/markdown.ts';
import type { OrderStatus } from '../domain/order.ts';
import type { OrderOutcome, OrderPosition, SagaOrder } from '../domain/order-saga.ts';
import type { SagaSettings } from '../domain/saga-settings.ts';
import type { Saga } from '../domain/saga-steps.ts';
import { createCalls, type Calls } from './calls.ts';
import { takeCancellations } from './cancellation.ts';
import { openDesk } from './compensation-desk.ts';
import { registerCompensations } from './compensations.ts';
import { createProgress } from './progress.ts';
import { createUndo, type Around } from './undo.ts';

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
  end(status: OrderStatus, note?: Markdown): Promise<void>;
}

interface Beginning<S extends Saga> {
  readonly order: SagaOrder;
  readonly settings: SagaSettings;
  /** What the workflow is about. */
  readonly heading: Markdown;
  /** What a cancellation is refused with past the point of no return. */
  readonly tooLate: () => ApplicationFailure;
  readonly undo: (calls: Calls) => Undos<S>;
}

/** What both sagas are made of: calls with their retries, progress, cancellation, compensations and their desk. */
export function beginSaga<const S extends Saga>(definition: S, beginning: Beginning<S>): SagaRun<S> {
  const { order, settings, heading, tooLate } = beginning;
  const steps: Saga['steps'] = definition.steps;
  const progress = createProgress(definition, heading);
  const cancellation = takeCancellations(tooLate);
  const calls = createCalls(settings, {
    began: (call) => {
      progress.attempted(call);
    },
    failed: (call, failure, attempts) => {
      progress.failed(call, failure, attempts);
    },
  });
  const desk = openDesk(order, calls.orders, progress);
  const registry = registerCompensations(definition, settings.localSteps, beginning.undo(calls));
  const { compensations } = registry;
  const undo = createUndo({ definition, order, calls, desk, progress, cancellation, compensations });

  const stepOf = (key: PropertyKey): Saga['steps'][string] => {
    const step = steps[key as string];
    if (!step) throw new Error(`${definition.title} has no step ${String(key)}`);
    return step;
  };

  const end = async (status: OrderStatus, note?: Markdown): Promise<void> => {
    cancellation.over();
    progress.ended(status, note);
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  };

  return {
    ...calls,
    position: () =>
      CancellationScope.nonCancellable(async () => {
        const position = await calls.orders.orderStatus(order);
        undo.recordedEarlier(position.undo);
        registry.registerEarlier(position.status);
        return position;
      }),
    forward: (act) =>
      cancellation.forward(async () => {
        undo.resume();
        await act();
      }),
    step: async (key, act) => {
      const { name, call, undo: compensation, reaches } = stepOf(key);
      registry.register(compensation);
      progress.begins(name, call);
      await act();
      progress.reached(reaches);
    },
    pointOfNoReturn: async (key, act) => {
      const { name, call, reaches, forgets } = stepOf(key);
      cancellation.tooLate();
      undo.resume();
      compensations.forget(forgets ?? []);
      progress.begins(name, call);
      await CancellationScope.nonCancellable(() => undo.mustSucceed(call as MustSucceedName, act));
      progress.reached(reaches);
    },
    mustSucceed: (call, act) => undo.mustSucceed(call, act),
    recall: (error, name, act) =>
      CancellationScope.nonCancellable(async () => {
        if ('past' in (await undo.begin(error))) return true;
        const outcome = await desk.runCompensation(name, act);
        // Settled by an operator, by hand or by waiving it: the saga compensates the rest and never goes forward again.
        if (outcome.kind !== 'DONE' || outcome.value) return true;
        undo.cameTooLate();
        cancellation.tooLate();
        progress.goesOn(md`${name} came too late: the saga goes on`);
        return false;
      }),
    undoAll: (error, around) =>
      CancellationScope.nonCancellable(async () => {
        const begun = await undo.begin(error);
        if ('past' in begun) {
          await end(begun.past, md`an earlier run has brought it here`);
          return { status: begun.past };
        }
        cancellation.undoing();
        const status = await undo.compensate(begun.why, around);
        const isReached = status === definition.undoing.reaches;
        await end(status, isReached ? undefined : md`it had come to this end before`);
        return { status, ...(isReached && { reason: begun.why.reason }) };
      }),
    end,
  };
}
