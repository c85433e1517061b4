const LONGEST_FREQUENT_PAUSE_MS = 300_000;
/** Some 40 minutes. */
const FREQUENT_ROUNDS = 15;

/**
 * How long to wait after the nth round of a loop in workflow code, in ms: 1 s, doubled from round to round up to 5 min, and
 * after 15 rounds three times as long from round to round. A round leaves some 17 events in the history, and those of 30 days
 * have to stay below 500.
 */
export const pauseAfter = (round: number): number =>
  Math.min(1_000 * 2 ** (round - 1), LONGEST_FREQUENT_PAUSE_MS) * 3 ** Math.max(0, round - FREQUENT_ROUNDS);
