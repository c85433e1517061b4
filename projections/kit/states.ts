import QuickLRU from 'quick-lru';

type Row = Record<string, unknown>;

/**
 * States that were read or written last, by projection and aggregate, for a process that alone writes their rows: it
 * need not read them again. What a transaction has left here that was not committed must be forgotten.
 */
export interface States {
  find(projection: string, id: string): Row | undefined;
  keep(projection: string, id: string, state: Row): void;
  forgetAll(): void;
}

/** Orders that are under way, and some more; a state is a few kilobytes at most. */
const KEPT = 5_000;

export function createStates(): States {
  const byProjection = new Map<string, QuickLRU<string, Row>>();
  return {
    find: (projection, id) => byProjection.get(projection)?.get(id),
    keep: (projection, id, state) => {
      let states = byProjection.get(projection);
      if (!states) byProjection.set(projection, (states = new QuickLRU({ maxSize: KEPT })));
      states.set(id, state);
    },
    forgetAll: () => {
      byProjection.clear();
    },
  };
}
