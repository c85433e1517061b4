import {
  allHandlersFinished,
  CancellationScope,
  condition,
  type ApplicationFailure,
} from '@temporalio/workflow';
import type { UndoName } from '../domain/desk.ts';
import type { OrderStatus } from '../domain/order.ts';
import type { SagaOrder } from '../domain/order-saga.ts';
import type { SagaSettings } from '../domain/saga-settings.ts';
import type { Saga } from '../domain/saga-steps.ts';
import { createCalls, type Calls } from './calls.ts';
import { takeCancellations } from './cancellation.ts';
import { openDesk } from './compensation-desk.ts';
import { Compensations } from './compensations.ts';
import type { Failure } from './failures.ts';
import { createProgress } from './progress.ts';

type Undo = () => Promise<void>;
/** A step with a compensation cannot be run without one. */
type UndoOf<Step> = Step extends { undo: UndoName } ? [undo: Undo] : [];

export interface SagaRun<S extends Saga> extends Calls {
  /** Runs the steps that a cancellation breaks off. */
  forward(steps: () => Promise<void>): Promise<void>;
  /** Runs a step; its compensation is registered before it acts. */
  step<K extends keyof S['steps']>(
    key: K,
    act: () => Promise<unknown>,
    ...undo: UndoOf<S['steps'][K]>
  ): Promise<void>;
  /** A compensation of what an earlier saga has done. */
  inherit(name: S['inherits'][number], undo: Undo): void;
  /** Runs the step that nothing comes back from; from its beginning on nothing cancels the saga. */
  pointOfNoReturn(key: keyof S['steps'], act: () => Promise<unknown>): Promise<void>;
  /**
   * After a failure: asks an outside system to take its part back, before anything is undone.
   * @returns whether that came in time; where not, the saga is past its point of no return
   */
  recall(error: unknown, undo: UndoName, act: () => Promise<boolean>): Promise<boolean>;
  /** Undoes in reverse order; no cancellation of the workflow stops it half-way. @returns why */
  undoAll(error: unknown, around: Around): Promise<Failure>;
  /** The last thing that a saga does. */
  end(status: OrderStatus, note?: string): Promise<void>;
}

/** What is written before the first and after the last compensation. */
interface Around {
  readonly first?: (why: Failure) => Promise<void>;
  readonly last: (why: Failure) => Promise<void>;
}

interface Beginning {
  readonly order: SagaOrder;
  readonly settings: SagaSettings;
  /** What the workflow is about, in Markdown. */
  readonly heading: string;
  /** What a cancellation is refused with past the point of no return. */
  readonly tooLate: () => ApplicationFailure;
}

/** What both sagas are made of: calls with their retries, progress, cancellation, compensations and their desk. */
export function beginSaga<const S extends Saga>(definition: S, beginning: Beginning): SagaRun<S> {
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

  const stepOf = (key: PropertyKey): Saga['steps'][string] => {
    const step = steps[key as string];
    if (!step) throw new Error(`${definition.title} has no step ${String(key)}`);
    return step;
  };

  return {
    ...calls,
    forward: (act) => cancellation.forward(act),
    step: async (key, act, ...undo) => {
      const { name, call, undo: undoName, reaches } = stepOf(key);
      // The signature asks for one exactly where the definition names one.
      for (const compensation of undo as Undo[]) if (undoName) compensations.push(undoName, compensation);
      progress.begins(name, call);
      await act();
      progress.reached(reaches);
    },
    inherit: (name, undo) => {
      compensations.push(name, undo);
    },
    pointOfNoReturn: async (key, act) => {
      cancellation.passPointOfNoReturn();
      const { name, call, reaches, forgets } = stepOf(key);
      compensations.forget(forgets ?? []);
      progress.begins(name, call);
      await CancellationScope.nonCancellable(act);
      progress.reached(reaches);
    },
    recall: async (error, undo, act) => {
      progress.gaveUp(cancellation.whyOf(error));
      const undone = await CancellationScope.nonCancellable(() => desk.carryOut(undo, act));
      // Settled by an operator, by hand or by waiving it: the saga undoes the rest and never goes forward again.
      if (!('value' in undone) || undone.value) return true;
      cancellation.tooLate();
      progress.goesOn(`${undo} came too late: the saga goes on`);
      return false;
    },
    undoAll: async (error, { first, last }) => {
      const why = cancellation.whyOf(error);
      cancellation.undoing();
      await CancellationScope.nonCancellable(async () => {
        progress.gaveUp(why);
        progress.undoing(compensations.names);
        await first?.(why);
        await compensations.run(desk.carryOut);
        await last(why);
      });
      return why;
    },
    end: async (status, note) => {
      cancellation.over();
      progress.ended(status, note);
      await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
    },
  };
}
