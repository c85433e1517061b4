/** Whose tokens are sent in turn. */
export const callers = 25;

/** Connections that each have one request under way, at which times and rates are read. */
export const connections = [1, 16, 256] as const;
/** At which the rates are compared. */
export const highestAt = 256;
/** The peer's clients; PostgreSQL lets no more than 100 in by itself. The faster one counts. */
export const peerClients = [16, 64] as const;

export const overload = {
  /** Of the highest rate of its own run. */
  factor: 3,
  seconds: { default: 15, long: 60 },
  /** More than may wait and be under way, so that some are refused. */
  connections: 3_000,
  sampleEveryMs: 100,
} as const;

export const aims = { ofStack: 0.8, ofPeer: 0.5 } as const;

export const warmUpSeconds = 2;
export const profiled = { seconds: 10, items: 10 } as const;
