/** Where a page of rows that are ordered by (time, key) ends. */
export interface KeysetPosition {
  /** Microseconds since 1970, as PostgreSQL stores times: a Date would round them. */
  readonly micros: string;
  readonly key: string;
}

export const cursorOf = ({ micros, key }: KeysetPosition): string => `${micros}:${key}`;

/** @throws Error for a text that `cursorOf` did not make */
export function positionOf(cursor: string): KeysetPosition {
  const [, micros, key] = /^(\d{1,16}):(.*)$/s.exec(cursor) ?? [];
  if (micros === undefined || key === undefined) throw new Error(`malformed cursor: ${cursor}`);
  return { micros, key };
}

/** The position before all rows of a time. @param firstKey is less than every key */
export const positionBefore = (time: Date | undefined, firstKey: string): KeysetPosition => ({
  micros: String((time?.getTime() ?? 0) * 1_000),
  key: firstKey,
});
