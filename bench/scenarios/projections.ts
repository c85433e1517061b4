/** Whole histories of orders, 30 events of every five orders. */
export const orders = { projected: 3_500, profiled: 14_000, warmUp: 1_000 } as const;
/** Orders that are under way at the same time: so far apart are the events of one of them. */
export const inFlight = 100;
/** A single `COPY` is over too soon to be timed by itself. */
export const copiesPerRound = 3;

export const freshness = {
  /** Shares of what one projector applied from a backlog. */
  load: { half: 0.5, moderate: 0.2 },
  /** Published together, as a relay does. */
  eventsPerPage: 20,
} as const;

export const reads = {
  /** Different orders that are asked for. */
  orders: 1_000,
  connections: 64,
  warmUpSeconds: 2,
} as const;

export const analytics = {
  orders: { default: [10_000, 1_000_000], long: [10_000, 1_000_000, 10_000_000] },
  /** Over which all these orders are spread, and of which the last `queriedDays` are asked for. */
  days: 90,
  queriedDays: 30,
  products: 50,
  connections: 8,
} as const;

export const aims = {
  ofCopy: 0.25,
  rebuildOfCopy: 0.35,
  lagWhileRebuilding: 2,
  ofExpress: 0.6,
  flat: 1.5,
} as const;

export const profiledItems = 20;
