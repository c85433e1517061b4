import type { Facts } from './facts.ts';

export interface Planted {
  readonly what: string;
  /** The invariant that it breaks. */
  readonly invariant: string;
  /** @returns the facts as such a bug would have left them. */
  readonly plant: (facts: Facts) => Facts;
}

/** The first one that fits. */
export function first<T>(items: readonly T[], fits: (item: T) => boolean): T {
  const found = items.find(fits);
  if (found === undefined) throw new Error('there is nothing to plant a bug in');
  return found;
}

export const without = <T>(items: readonly T[], item: T): T[] => items.filter((other) => other !== item);
