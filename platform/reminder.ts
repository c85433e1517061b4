/** What lasts is logged again after this. */
const AGAIN_MS = 60_000;

interface Reminder {
  /** Whether what is said now is to be logged: it is new, or has lasted for another minute. */
  isDue(text: string): boolean;
  /** It is over. */
  clear(): void;
}

/** Keeps a log from repeating with every attempt what has not changed, and from telling it only once. */
export function createReminder(now: () => number = () => performance.now()): Reminder {
  let last: { readonly text: string; readonly at: number } | undefined;
  return {
    isDue: (text) => {
      if (last?.text === text && now() - last.at < AGAIN_MS) return false;
      last = { text, at: now() };
      return true;
    },
    clear: () => {
      last = undefined;
    },
  };
}
