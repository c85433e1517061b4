import type { OutboxRow } from './rows.ts';

/** Refusals of one row, each after the stream had taken other rows since the one before. */
const MOST_AMONG_OTHERS = 5;

/**
 * Tells a row that the stream refuses from a stream that refuses all: for the one it takes the neighbours, for the other
 * it takes nothing. Kept for as long as a relay runs.
 */
export interface Refusals {
  /** The stream has taken rows. */
  passed(rows: readonly OutboxRow[]): void;
  /**
   * Notes that a row was refused when it was sent alone.
   * @returns whether the row is at fault: the stream has taken others between its refusals, several times
   */
  isAtFault(row: Pick<OutboxRow, 'seq'>): boolean;
}

export function createRefusals(): Refusals {
  let taken = 0;
  const refused = new Map<string, { readonly times: number; readonly taken: number }>();
  return {
    passed: (rows) => {
      taken += rows.length;
      for (const { seq } of rows) refused.delete(seq);
    },
    isAtFault: ({ seq }) => {
      const before = refused.get(seq);
      if (before?.taken === taken) return false;
      const times = (before?.times ?? 0) + 1;
      refused.set(seq, { times, taken });
      if (times < MOST_AMONG_OTHERS) return false;
      refused.delete(seq);
      return true;
    },
  };
}
