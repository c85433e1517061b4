import {
  allHandlersFinished,
  CancellationScope,
  condition,
  type ApplicationFailure,
} from '@temporalio/workflow';
import type { OrderUndoName, UndoName } from '../domain/desk.ts';
import { isPastOrderSaga, type OrderStatus } from '../domain/order.ts';
import type { OrderOutcome, SagaOrder } from '../domain/order-saga.ts';
import type { SagaSettings } from '../domain/saga-settings.ts';
import { sagaCalls, type Saga, type SagaStep } from '../domain/saga-steps.ts';
import { createCalls, type Calls } from './calls.ts';
import { takeCancellations } from './cancellation.ts';
import { openDesk } from './compensation-desk.ts';
import { Compensations } from './compensations.ts';
import type { Failure } from './failures.ts';
import { createProgress } from './progress.ts';

/** What takes each step back, and what an earlier saga has done; a definition that names one must be given it. */
type Undos<S extends Saga> = Readonly<
  Record<
    S['inherits'][number] | Extract<S['steps'][keyof S['steps']], { undo: UndoName }>['undo'],
    () => Promise<void>
  >
>;

export interface SagaRun<S extends Saga> extends Calls {
  /** Runs the steps that a cancellation breaks off. */
  forward(steps: () => Promise<void>): Promise<void>;
  /** Runs a step; its compensation is registered before it acts. */
  step(key: keyof S['steps'], act: () => Promise<unknown>): Promise<void>;
  /** Runs the step that nothing comes back from; from its beginning on nothing cancels the saga. */
  pointOfNoReturn(key: keyof S['steps'], act: () => Promise<unknown>): Promise<void>;
  /**
   * After a failure: asks an outside system to take its part back, before anything is undone.
   * @returns whether that came in time; where not, the saga is past its point of no return
   */
  recall(error: unknown, undo: UndoName, act: () => Promise<boolean>): Promise<boolean>;
  /**
   * Undoes in reverse order, and ends; no cancellation of the workflow stops it half-way. Where the definition names a
   * fence, an order that was completed before stays so.
   */
  undoAll(error: unknown, around: Around): Promise<OrderOutcome>;
  /** The last thing that a saga does. */
  end(status: OrderStatus, note?: string): Promise<void>;
}

/** What is written before the first and after the last compensation. */
interface Around {
  readonly first?: (why: Failure) => Promise<void>;
  readonly last: (why: Failure) => Promise<void>;
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
  // A local step may have been run by a workflow task that got lost, and with it every trace in the history. So what
  // local steps do is undone whether they have begun here or not; what comes before them too, to keep the order.
  const isLocal = ({ call }: SagaStep): boolean =>
    call !== undefined && settings.localSteps.includes(sagaCalls[call].capability);
  const inOrder = Object.values(steps);
  const lastLocal = inOrder.findLastIndex((step) => step.undo && isLocal(step));
  for (const { undo } of inOrder.slice(0, lastLocal + 1)) register(undo);

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

  /** @returns what the order ends in; where it turns out to have ended before, nothing more is undone */
  async function undo(why: Failure, { first, last }: Around): Promise<OrderStatus> {
    const { first: opening, last: closing, reaches } = definition.undoing;
    const write = async (call: OrderUndoName, act: (why: Failure) => Promise<void>): Promise<boolean> =>
      'value' in (await desk.carryOut(call, () => act(why)));
    progress.undoing([...(opening ? [opening] : []), ...compensations.names, closing]);
    if (opening && first && !(await write(opening, first))) return calls.orders.orderStatus(order);
    await compensations.run(desk.carryOut);
    return (await write(closing, last)) ? reaches : calls.orders.orderStatus(order);
  }

  return {
    ...calls,
    forward: (act) => cancellation.forward(act),
    step: async (key, act) => {
      const { name, call, undo, reaches } = stepOf(key);
      register(undo);
      progress.begins(name, call);
      await act();
      progress.reached(reaches);
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
    undoAll: (error, around) =>
      CancellationScope.nonCancellable(async () => {
        const { fence, reaches } = definition.undoing;
        // A completion whose answer got lost with its worker counts: its own saga is what can be cancelled now.
        const status = fence && (await calls.orders[fence](order));
        if (status && isPastOrderSaga(status)) {
          await end(status, 'it had come here before');
          return { status };
        }
        const why = cancellation.whyOf(error);
        cancellation.undoing();
        progress.gaveUp(why);
        const reached = await undo(why, around);
        await end(reached, reached === reaches ? undefined : 'it had come to this end before');
        return { status: reached, ...(reached === reaches && { reason: why.reason }) };
      }),
    end,
  };
}
