import { sleep } from '@temporalio/workflow';
import { isOutcomeUnknown } from '../domain/errors.ts';
import { pauseAfter } from './backoff.ts';
import { failureOf } from './failures.ts';

interface UncertainStep<T> {
  /** Acts at most once, however often it is called. */
  readonly act: () => Promise<T>;
  /** What became of it; undefined when it never arrived. @throws when it was refused. */
  readonly ask: () => Promise<T | undefined>;
}

/**
 * A step in an outside system. An attempt without an answer is resolved by asking; only what never arrived is tried
 * again, until the deadline around it is over. @throws the refusal, or a cancellation.
 */
export async function actOrAsk<T>({ act, ask }: UncertainStep<T>): Promise<T> {
  for (let round = 1; ; round++) {
    try {
      return await act();
    } catch (error) {
      if (!isOutcomeUnknown(failureOf(error).reason)) throw error;
    }
    const happened = await ask();
    if (happened !== undefined) return happened;
    await sleep(pauseAfter(round), {
      summary: 'The outcome was unknown, and the call never arrived: pause before the next attempt',
    });
  }
}
