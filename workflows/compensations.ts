import { CancellationScope } from '@temporalio/workflow';

interface Compensation {
  readonly name: string;
  readonly undo: () => Promise<void>;
}

/**
 * What must be undone if the saga cannot go on, as a stack. Register a step's compensation before the step
 * acts: a step that failed or timed out may have happened.
 */
export class Compensations {
  readonly #stack: Compensation[] = [];

  push(name: string, undo: () => Promise<void>): void {
    this.#stack.push({ name, undo });
  }

  /**
   * Runs them, last registered first, each to its end before the next; a cancellation of the workflow does not
   * stop it. A compensation that fails stops the run, so that nothing below it is undone out of order.
   * @param onStep told the name of each compensation before it starts.
   */
  async run(onStep: (name: string) => void): Promise<void> {
    await CancellationScope.nonCancellable(async () => {
      for (let next = this.#stack.at(-1); next; next = this.#stack.at(-1)) {
        onStep(next.name);
        await next.undo();
        this.#stack.pop();
      }
    });
  }
}
