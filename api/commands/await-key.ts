import { setTimeout as pause } from 'node:timers/promises';
import { OrderSystemError } from '../../domain/errors.ts';

/** Another request with the key is over in milliseconds, unless its process hangs or died without a word. */
const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 200;
const GIVE_UP_AFTER_MS = 3_000;

/**
 * Tries again while another request with the same idempotency key is under way, so that its repeat gets its answer.
 * The wait is here and not in the database, where all that goes in the same transaction would wait, too.
 * @throws OrderSystemError IDEMPOTENCY_KEY_IN_USE when the other takes longer than 3 s, and what `attempt` throws
 */
export async function awaitKey<R>(attempt: () => Promise<R>, giveUpAfterMs = GIVE_UP_AFTER_MS): Promise<R> {
  const deadline = performance.now() + giveUpAfterMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isInUse(error) || performance.now() + pauseMs > deadline) throw error;
    }
    await pause(pauseMs);
  }
}

const isInUse = (error: unknown): boolean =>
  error instanceof OrderSystemError && error.code === 'IDEMPOTENCY_KEY_IN_USE';
