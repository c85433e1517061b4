import type { Response } from 'express';
import { OrderSystemError } from '../../domain/errors.ts';

export interface Exports {
  /** How long one may take, in ms. */
  readonly timeoutMs: number;
  /**
   * Takes one of the places. @returns gives it back; may be called again.
   * @throws OrderSystemError EXPORTS_BUSY while none is free
   */
  enter(): () => void;
  /** Aborted when the process ends. */
  readonly stopping: AbortSignal;
  /** Breaks off those that are under way, and takes no more. */
  stop(): void;
}

/** The places for answers that are longer than a page, each of which holds a connection or a reader of the stream. */
export function createExports({ atOnce, timeoutMs }: { atOnce: number; timeoutMs: number }): Exports {
  let running = 0;
  const stopping = new AbortController();
  return {
    timeoutMs,
    stopping: stopping.signal,
    enter: () => {
      if (running >= atOnce || stopping.signal.aborted)
        throw new OrderSystemError(
          'EXPORTS_BUSY',
          `${running} exports are under way, which is as many as may be; repeat in a while`,
        );
      running += 1;
      let isInside = true;
      return () => {
        if (isInside) running -= 1;
        isInside = false;
      };
    },
    stop: () => {
      stopping.abort(new OrderSystemError('UNAVAILABLE', 'this process ends; repeat the request'));
    },
  };
}

/**
 * Runs for as long as the caller stays, the process does and there is time.
 * @param act is given a signal that is aborted when one of them ends
 */
export async function whileWanted(
  response: Response,
  { timeoutMs, stopping }: Pick<Exports, 'timeoutMs' | 'stopping'>,
  act: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const left = new AbortController();
  const late = new AbortController();
  const timer = setTimeout(() => {
    late.abort(new OrderSystemError('UNAVAILABLE', `an export may take ${timeoutMs} ms; ask for less`));
  }, timeoutMs);
  const leave = (): void => {
    left.abort();
  };
  response.once('close', leave);
  try {
    await act(AbortSignal.any([left.signal, late.signal, stopping]));
  } catch (error) {
    // Nobody is there to be told, and the log of requests says so; what else was aborted tells its reason.
    if (left.signal.aborted && !(error instanceof Interrupted)) return;
    for (const signal of [late.signal, stopping]) if (signal.aborted) throw signal.reason as Error;
    throw error;
  } finally {
    clearTimeout(timer);
    response.off('close', leave);
  }
}

/** What was being sent ended with an error. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}
