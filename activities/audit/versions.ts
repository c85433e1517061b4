/** From one version to another, both included. */
export type Range = readonly [from: number, to: number];

/**
 * Which versions of an aggregate a place holds: all from `lowest` to `highest` but for those in `missing`. Versions come
 * from messages and may be any numbers, so nothing here grows with them.
 */
export interface Versions {
  readonly lowest: number;
  readonly highest: number;
  /** In ascending order, apart from each other. */
  readonly missing: readonly Range[];
}

const NONE: readonly Range[] = [];

/** With one more version; the same object for one that is held already. */
export function withVersion(held: Versions | undefined, version: number): Versions {
  if (!held) return { lowest: version, highest: version, missing: NONE };
  const { lowest, highest, missing } = held;
  if (version > highest)
    return {
      lowest,
      highest: version,
      missing: version > highest + 1 ? [...missing, [highest + 1, version - 1]] : missing,
    };
  if (version < lowest)
    return {
      lowest: version,
      highest,
      missing: version < lowest - 1 ? [[version + 1, lowest - 1], ...missing] : missing,
    };
  if (!missing.some((range) => isIn(range, version))) return held;
  const left = missing.flatMap((range) =>
    isIn(range, version) ? notEmpty([range[0], version - 1], [version + 1, range[1]]) : [range],
  );
  return { lowest, highest, missing: left.length > 0 ? left : NONE };
}

const isIn = ([from, to]: Range, version: number): boolean => version >= from && version <= to;
const notEmpty = (...ranges: readonly Range[]): Range[] => ranges.filter(([from, to]) => from <= to);

/** @returns what of 1 to `upTo` is not held */
export function lacking(held: Versions | undefined, upTo: number): Range[] {
  if (!held) return notEmpty([1, upTo]);
  return notEmpty(
    [1, Math.min(held.lowest - 1, upTo)],
    ...held.missing.map(([from, to]): Range => [from, Math.min(to, upTo)]),
    [held.highest + 1, upTo],
  );
}

/** @returns what of these versions is held */
export function heldOf(versions: readonly Range[], held: Versions | undefined): Range[] {
  if (!held) return [];
  const { lowest, highest, missing } = held;
  const starts = [lowest, ...missing.map(([, to]) => to + 1)];
  const ends = [...missing.map(([from]) => from - 1), highest];
  return versions.flatMap(([from, to]) =>
    notEmpty(...starts.map((start, n): Range => [Math.max(from, start), Math.min(to, ends[n] ?? highest)])),
  );
}

export const count = (versions: readonly Range[]): number =>
  versions.reduce((sum, [from, to]) => sum + to - from + 1, 0);

/** `version 3`, or `versions 3, 5 to 9, 12, …`. */
export function say(versions: readonly Range[]): string {
  const named = versions.slice(0, 5).map(([from, to]) => (from === to ? `${from}` : `${from} to ${to}`));
  return `version${count(versions) === 1 ? '' : 's'} ${named.join(', ')}${versions.length > 5 ? ', …' : ''}`;
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
