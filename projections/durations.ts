/**
 * Durations counted by slots, each a tenth wider than the one before: counts add up over any orders and any time, and
 * a percentile read from them is off by less than a tenth, or a millisecond.
 */
const GROWTH = 1.1;

/** 1 for up to a millisecond, also for what clocks that differ make negative. */
export const slotOf = (ms: number): number => (ms <= 1 ? 1 : 1 + Math.ceil(Math.log(ms) / Math.log(GROWTH)));

/** The longest duration in a slot, in ms. */
const longestIn = (slot: number): number => GROWTH ** (slot - 1);

export interface SlotCount {
  readonly slot: number;
  readonly times: number;
}

/**
 * The duration that this share of all does not exceed, in whole ms.
 * @param counts in any order, each slot any number of times
 * @param share above 0, at most 1: 0.95 for the 95th percentile
 * @returns null when nothing was counted
 */
export function percentile(counts: readonly SlotCount[], share: number): number | null {
  const total = counts.reduce((sum, { times }) => sum + times, 0);
  if (total <= 0) return null;
  const rank = Math.max(1, Math.ceil(share * total));
  const bySlot = new Map<number, number>();
  for (const { slot, times } of counts) bySlot.set(slot, (bySlot.get(slot) ?? 0) + times);
  let below = 0;
  for (const [slot, times] of [...bySlot].sort(([a], [b]) => a - b)) {
    if (below + times >= rank) {
      // As if the durations in a slot grew as evenly as the slots do.
      const within = (rank - below - 0.5) / times;
      return Math.round(longestIn(slot - 1 + within));
    }
    below += times;
  }
  throw new Error('no slot holds the rank, though all together do');
}
