import type { UndoName } from '../domain/desk.ts';
import type { OrderStatus } from '../domain/order.ts';
import { sagaCalls, type Capability, type Saga, type SagaStep } from '../domain/saga-steps.ts';

interface Compensation {
  readonly name: UndoName;
  readonly undo: () => Promise<void>;
}

/**
 * What must be undone if the saga cannot go on, as a stack. Register a step's compensation before the step
 * acts: a step that failed or timed out may have happened.
 */
export class Compensations {
  readonly #stack: Compensation[] = [];

  push(name: UndoName, undo: () => Promise<void>): void {
    this.#stack.push({ name, undo });
  }

  /** Takes out what can be undone no more. */
  forget(names: readonly UndoName[]): void {
    const kept = this.#stack.filter(({ name }) => !names.includes(name));
    this.#stack.splice(0, Infinity, ...kept);
  }

  /** In the order in which they will run. */
  get names(): UndoName[] {
    return this.#stack.map(({ name }) => name).reverse();
  }

  /**
   * Runs them, last registered first, each to its end before the next.
   * @param runOne runs one, and says whether to go on; when it throws, nothing below is compensated, so that nothing gets
   * out of order
   * @returns whether all have run
   */
  async run(runOne: (name: UndoName, undo: () => Promise<void>) => Promise<boolean>): Promise<boolean> {
    for (let next = this.#stack.at(-1); next; next = this.#stack.at(-1)) {
      if (!(await runOne(next.name, next.undo))) return false;
      this.#stack.pop();
    }
    return true;
  }
}

interface Registry {
  readonly compensations: Compensations;
  /** Before the step acts; a compensation that is registered already stays where it is. */
  register(name: UndoName | undefined): void;
  /** An earlier run has done what the order shows, and may have begun the step after that. */
  registerEarlier(status: OrderStatus): void;
}

/**
 * The compensations of a saga: what an earlier saga has done, and what this one may have done without leaving history. A
 * local activity leaves none if its workflow task is lost, so local steps are always compensated, and what comes before them
 * too, to keep the order.
 */
export function registerCompensations(
  { inherits, steps }: Saga,
  localSteps: readonly Capability[],
  undos: Partial<Record<UndoName, () => Promise<void>>>,
): Registry {
  const compensations = new Compensations();
  const register = (name: UndoName | undefined): void => {
    const undo = name && undos[name];
    if (undo && !compensations.names.includes(name)) compensations.push(name, undo);
  };
  const isLocal = ({ call }: SagaStep): boolean =>
    call !== undefined && localSteps.includes(sagaCalls[call].capability);
  const inOrder: readonly SagaStep[] = Object.values(steps);
  const registerUpTo = (last: number): void => {
    for (const { undo } of inOrder.slice(0, last + 1)) register(undo);
  };
  inherits.forEach(register);
  registerUpTo(inOrder.findLastIndex((step) => step.undo && isLocal(step)));
  return {
    compensations,
    register,
    registerEarlier: (status) => {
      const done = inOrder.findLastIndex(({ reaches }) => reaches === status);
      const begun = inOrder.findIndex(({ undo }, index) => undo && index > done);
      registerUpTo(Math.max(done, begun));
    },
  };
}
