import { pauseUnlessAborted } from '../platform/pace.ts';

interface AdmissionDeps {
  /** New sagas that this worker could begin to work on at once. */
  readonly free: () => number;
  /** Told when new sagas begin to be held back for longer than a moment, and when they no longer are. */
  readonly onHeldBack: (isHeldBack: boolean) => void;
  readonly times?: Partial<typeof TIMES>;
}

/** Decides how many new sagas may be started, so that the worker first finishes what those in progress ask for. */
export interface Admission {
  /**
   * Resolves with how many more may be started now, at least one; or when aborted.
   * @param starting says how many are being started already
   */
  readonly admitted: (starting: () => number, signal: AbortSignal) => Promise<number>;
}

const TIMES = {
  pollMs: 50,
  /** A few are admitted all the same after it: sagas that only wait for something must not stop all orders. */
  holdAtMostMs: 10_000,
  /** Holds that are shorter are of no interest to people. */
  tellAfterMs: 1_000,
  /** So long after the last such hold the worker has caught up. */
  overAfterMs: 15_000,
};
/** Sagas that are admitted after a hold. */
const AFTER_HOLD = 4;

export function createAdmission({ free, onHeldBack, times }: AdmissionDeps): Admission {
  const { pollMs, holdAtMostMs, tellAfterMs, overAfterMs } = { ...TIMES, ...times };
  let toldAt: number | undefined;
  const tell = (heldMs: number): void => {
    const now = performance.now();
    if (heldMs > tellAfterMs) {
      if (toldAt === undefined) onHeldBack(true);
      toldAt = now;
    } else if (toldAt !== undefined && now - toldAt > overAfterMs) {
      onHeldBack(false);
      toldAt = undefined;
    }
  };
  return {
    admitted: async (starting, signal) => {
      const heldSince = performance.now();
      for (;;) {
        const heldMs = performance.now() - heldSince;
        const admitted = free() - starting();
        tell(heldMs);
        if (admitted >= 1) return admitted;
        if (signal.aborted || heldMs > holdAtMostMs) return AFTER_HOLD;
        await pauseUnlessAborted(pollMs, signal);
      }
    },
  };
}
