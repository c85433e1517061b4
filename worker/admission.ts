import { setTimeout as pause } from 'node:timers/promises';

interface AdmissionDeps {
  /** How long the oldest task of the sagas has waited for a worker, in ms; 0 when none waits. */
  readonly longestWaitMs: () => Promise<number>;
  /** Told when new sagas begin to be held back, and when they no longer are. */
  readonly onHeldBack: (isHeldBack: boolean, waitedMs: number) => void;
  readonly onFailure: (error: unknown) => void;
  readonly pollMs?: number;
  /** So often a few are admitted all the same: the server's figure is an estimate and must not stop all orders. */
  readonly holdAtMostMs?: number;
}

/** Decides how many new sagas may be started, so that the workers first finish what those in progress ask for. */
export interface Admission {
  /** Resolves with how many may be started now, at least one; or when aborted. */
  admitted(signal: AbortSignal): Promise<number>;
}

/** Far below the timeout of a task, and above what a task waits for when the workers keep up. */
const BEHIND_AFTER_MS = 1_000;
/** Sagas that are admitted after a hold. */
const AFTER_HOLD = 4;

/** Asks the server, which knows about the tasks of all workers. While it does not answer, nothing is held back. */
export function createAdmission({
  longestWaitMs,
  onHeldBack,
  onFailure,
  pollMs = 500,
  holdAtMostMs = 10_000,
}: AdmissionDeps): Admission {
  let wasHeldBack = false;
  const isBehind = async (): Promise<boolean> => {
    let waitedMs = 0;
    try {
      waitedMs = await longestWaitMs();
    } catch (error) {
      onFailure(error);
    }
    const isHeldBack = waitedMs > BEHIND_AFTER_MS;
    if (isHeldBack !== wasHeldBack) onHeldBack(isHeldBack, waitedMs);
    wasHeldBack = isHeldBack;
    return isHeldBack;
  };
  return {
    admitted: async (signal) => {
      const heldSince = performance.now();
      while (await isBehind()) {
        if (signal.aborted || performance.now() - heldSince > holdAtMostMs) return AFTER_HOLD;
        await pause(pollMs, undefined, { signal }).catch((aborted: unknown) => {
          if (!signal.aborted) throw aborted;
        });
      }
      return Infinity;
    },
  };
}
