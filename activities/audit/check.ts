/** What is known of one order, product or quarter of an hour, from all places that know of it. */
export interface Facts {
  /** An event of it is parked or was discarded: other places cannot show what the write side does. */
  readonly isHeld: boolean;
  /** The write side changed while the other places were looked at, so that these may be right and differ. */
  readonly hasMoved: boolean;
}

/** One thing that must hold, whatever is under way. */
export interface Check<F> {
  readonly name: string;
  /** In words; shown to people. */
  readonly holds: string;
  /** What to do when it does not hold. */
  readonly advice: string;
  /**
   * `events`: what is missing in the stream is published again. `projections`: these are built anew. Absent: a person
   * has to find out which side is right.
   */
  readonly repair?: 'events' | { readonly projections: readonly string[] };
  /** Compares within the one snapshot of the write side: what moves meanwhile is no excuse. */
  readonly isExact?: true;
  /** Compares with an outside system, which no parked event holds back. */
  readonly isOutside?: true;
  /** @returns what differs, in words; undefined when nothing does */
  readonly judge: (facts: F) => string | undefined;
}

/** What is audited one by one, with the checks that each of them must pass. */
export interface Subject<F extends Facts> {
  /** Before a key in samples: `order`. */
  readonly name: string;
  readonly checks: readonly Check<F>[];
  /** All keys, page by page, so that memory does not grow with their number. */
  pages(): AsyncIterable<readonly string[]>;
  /**
   * Everything known of these keys. At first sight what is under way differs as well; `settled` notes the write side,
   * waits until that has come through everywhere and looks then, so that whatever differs and has not moved is drift.
   */
  gather(keys: readonly string[], mode: 'first-sight' | 'settled'): Promise<Map<string, F>>;
}

/** Names the fields in which two records differ: `status: COMPLETED here, PAID there`. */
export function differences<R extends object>(
  here: readonly [string, R],
  there: readonly [string, { readonly [K in keyof R]: unknown }],
): string | undefined {
  const [ours, left] = here;
  const [theirs, right] = there;
  const different = (Object.keys(left) as (keyof R & string)[]).filter(
    (field) => comparable(left[field]) !== comparable(right[field]),
  );
  if (different.length === 0) return undefined;
  return different
    .map((field) => `${field}: ${comparable(left[field])} ${ours}, ${comparable(right[field])} ${theirs}`)
    .join('; ');
}

const comparable = (value: unknown): string => {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' ? value : JSON.stringify(value);
};
