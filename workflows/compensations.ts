import type { UndoName } from '../domain/desk.ts';

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
