import { ApplicationFailure, sleep } from '@temporalio/workflow';
import { isBusinessRefusal, type InfrastructureError } from '../domain/errors.ts';
import { failureOf } from './failures.ts';

interface UncertainStep {
  /** Acts at most once, however often it is called. */
  readonly act: () => Promise<void>;
  /** What became of it: true when it happened, false when it never arrived. @throws when it was refused. */
  readonly ask: () => Promise<boolean>;
  /** Why it failed when it never arrived in any attempt. */
  readonly giveUp: { readonly code: InfrastructureError; readonly detail: string };
}

const ATTEMPTS = 3;
/** Doubled after each attempt, in ms. */
const PAUSE_MS = 1_000;

/**
 * A step in an outside system. An attempt without an answer is resolved by asking; only what never arrived is tried
 * again. @throws the refusal, a cancellation, or `giveUp`.
 */
export async function actOrAsk({ act, ask, giveUp }: UncertainStep): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await act();
      return;
    } catch (error) {
      const { reason } = failureOf(error);
      if (isBusinessRefusal(reason) || reason === 'CANCEL_REQUESTED') throw error;
    }
    if (await ask()) return;
    if (attempt === ATTEMPTS) {
      throw ApplicationFailure.nonRetryable(`${giveUp.detail} in ${ATTEMPTS} attempts`, giveUp.code);
    }
    await sleep(PAUSE_MS * 2 ** (attempt - 1));
  }
}
