import { CancellationScope, isCancellation, sleep } from '@temporalio/workflow';
import type { BusinessRefusal } from '../domain/errors.ts';
import { failWith } from './failures.ts';

export interface Deadline {
  readonly withinMs: number;
  /** What the step fails with when the time is over. */
  readonly code: BusinessRefusal;
}

/**
 * Runs what must end in time. The timer is durable: it runs also while no worker does.
 * @throws the deadline's code once the time is over; what was running is cancelled then, and may still happen.
 */
export async function withDeadline<T>({ withinMs, code }: Deadline, act: () => Promise<T>): Promise<T> {
  const acting = new CancellationScope();
  const timing = new CancellationScope();
  const clock = { isOver: false };
  timing
    .run(() => sleep(withinMs, { summary: `Deadline: ${code}` }))
    .then(
      () => {
        clock.isOver = true;
        acting.cancel();
      },
      (error: unknown) => {
        if (!isCancellation(error)) throw error;
      },
    );
  try {
    return await acting.run(act);
  } catch (error) {
    if (clock.isOver && isCancellation(error)) throw failWith(code);
    throw error;
  } finally {
    timing.cancel();
  }
}

/** The one that ends first. */
export const nearest = (first: Deadline, second: Deadline): Deadline =>
  second.withinMs < first.withinMs ? second : first;
