import { setTimeout as pause } from 'node:timers/promises';

interface Waiting {
  /** Shown when the time is up. */
  readonly what: string;
  readonly withinMs?: number;
}

/** Asks again until the answer is not undefined. @throws Error at the deadline, with the last error as its cause. */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  { what, withinMs = 20_000 }: Waiting,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: lastError });
    await pause(20);
  }
}
