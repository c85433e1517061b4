/** Which versions of an aggregate a place holds: all from `lowest` to `highest` but for those that are missing. */
export interface Versions {
  readonly lowest: number;
  readonly highest: number;
  readonly missing: readonly number[];
}

const NONE: readonly number[] = [];

/** With one more version; the same object for one that is held already. */
export function withVersion(held: Versions | undefined, version: number): Versions {
  if (!held) return { lowest: version, highest: version, missing: NONE };
  const { lowest, highest, missing } = held;
  if (version > highest) {
    const between = range(highest + 1, version - 1);
    return { lowest, highest: version, missing: between.length > 0 ? [...missing, ...between] : missing };
  }
  if (version < lowest)
    return { lowest: version, highest, missing: [...range(version + 1, lowest - 1), ...missing] };
  if (!missing.includes(version)) return held;
  const left = missing.filter((each) => each !== version);
  return { lowest, highest, missing: left.length > 0 ? left : NONE };
}

/** @returns what of 1 to `upTo` is not held */
export function lacking(held: Versions | undefined, upTo: number): number[] {
  if (!held) return range(1, upTo);
  const before = range(1, Math.min(held.lowest - 1, upTo));
  const between = held.missing.filter((version) => version <= upTo);
  return [...before, ...between, ...range(held.highest + 1, upTo)];
}

export const holds = (held: Versions | undefined, version: number): boolean =>
  held !== undefined && version >= held.lowest && version <= held.highest && !held.missing.includes(version);

export const range = (from: number, to: number): number[] =>
  to < from ? [] : Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** `version 3`, or `versions 3, 4, 5, …`. */
export function say(versions: readonly number[]): string {
  const named = versions.slice(0, 5).join(', ');
  return `version${versions.length === 1 ? '' : 's'} ${named}${versions.length > 5 ? ', …' : ''}`;
}

/** The aggregate's name in maps: ids of different types may be alike. */
export const aggregateKey = (aggregateType: string, aggregateId: string): string =>
  `${aggregateType} ${aggregateId}`;

/**
 * Many aggregates have the same history as far as an audit remembers it. Kept once, a record costs nothing more for each
 * of them than the entry in the map.
 */
export function interning<T extends object>(keyOf: (record: T) => string): (record: T) => T {
  const known = new Map<string, T>();
  return (record) => {
    const key = keyOf(record);
    const same = known.get(key);
    if (same) return same;
    // Records without twins would fill the memory that this is to save.
    if (known.size < 10_000) known.set(key, record);
    return record;
  };
}
