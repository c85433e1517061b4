const LONGEST_PAUSE_MS = 30_000;
/** After so many attempts, some 17 minutes, the pauses grow again: a history must not fill up in a long outage. */
const PATIENT_AFTER = 40;
const PATIENT_PAUSE_MS = 300_000;

/** How long to wait after the nth failed attempt, in ms; doubled after each attempt. */
export const pauseAfter = (attempt: number, firstMs: number): number =>
  attempt > PATIENT_AFTER ? PATIENT_PAUSE_MS : Math.min(firstMs * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
