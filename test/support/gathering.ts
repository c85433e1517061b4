import { EventEmitter, once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { PausableSagaWorker } from './pausable-saga-worker.ts';

/** Lets many orders reach the moment at which things arrive together, and stops the workflows once for all of them. */
export interface Gathering {
  /**
   * An order is there. @returns once no workflow task runs any more; false when the others have gone on without it, and
   * nothing may be sent together
   */
  arrive(): Promise<boolean>;
  /** All that was to be sent to this order is on the server. */
  sent(): void;
  /** An order does not come (any more). */
  leave(): void;
}

/** Shorter than a call may take, so that a call that is held does not time out. */
const GATHER_WITHIN_MS = 6_000;

/**
 * @param orders that will arrive or leave
 * @param stoppedMs how long the workflows stand still once everything is sent: timers that are due come with it
 * @returns with `over`, which ends when the workflows run again. @throws what stopping or starting them failed with
 */
export function createGathering(
  worker: PausableSagaWorker,
  orders: number,
  stoppedMs: number,
): Gathering & { readonly over: Promise<void> } {
  let awaited = orders;
  let unsent = 0;
  let isClosed = false;
  const signals = new EventEmitter();
  const limit = setTimeout(() => signals.emit('there'), GATHER_WITHIN_MS);

  const stopped = once(signals, 'there').then(async () => {
    clearTimeout(limit);
    isClosed = true;
    if (unsent === 0) return false;
    await worker.stopWorkflows();
    return true;
  });
  const over = stopped.then(async (isStopped) => {
    if (!isStopped) return;
    while (unsent > 0) await once(signals, 'sent');
    await pause(stoppedMs);
    await worker.startWorkflows();
  });
  const emitWhenAllAreThere = (): void => {
    if (awaited === 0) signals.emit('there');
  };

  return {
    over,
    arrive: async () => {
      if (isClosed) return false;
      awaited -= 1;
      unsent += 1;
      emitWhenAllAreThere();
      return stopped;
    },
    sent: () => {
      unsent -= 1;
      signals.emit('sent');
    },
    leave: () => {
      awaited -= 1;
      emitWhenAllAreThere();
    },
  };
}
