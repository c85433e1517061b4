import type { Progress } from '../dev/servers/progress.ts';
import { reasonOf } from '../dev/servers/progress.ts';

/** What has to be ended when the benchmark is over, however that comes. */
export interface Closers {
  add(name: string, close: () => Promise<unknown>): void;
  /** Last added first; one that fails is told and the others follow. The second call waits for the first. */
  closeAll(): Promise<void>;
}

export function createClosers(progress: Progress): Closers {
  const stack: { name: string; close: () => Promise<unknown> }[] = [];
  let closing: Promise<void> | undefined;
  async function run(): Promise<void> {
    for (let next = stack.pop(); next; next = stack.pop()) {
      try {
        await next.close();
      } catch (error) {
        progress(`${next.name} could not be ended in good order: ${reasonOf(error)}`);
      }
    }
  }
  return {
    add: (name, close) => {
      stack.push({ name, close });
      // Something that became ready while all was being ended must not stay.
      if (closing) closing = closing.then(run);
    },
    closeAll: () => (closing ??= run()),
  };
}
