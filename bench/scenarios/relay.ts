import type { Way } from '../relay/protocol.ts';

/** Events of one measurement of a rate. The peer takes so long that it gets fewer. */
export const events = { drained: 20_000, peer: 1_000 } as const;

/** Publishing from memory; the fastest of these is the limit that the relay is compared with. */
export const ways: readonly (Way & { readonly what: string })[] = [
  { what: 'from memory, publishInOrder', through: 'publishInOrder', inFlight: 1 },
  { what: 'from memory, publishInOrder, 3 pages under way', through: 'publishInOrder', inFlight: 3 },
  { what: 'from memory, ready-made messages, 3 pages under way', through: 'lean', inFlight: 3 },
];

export const shardCounts = [1, 2, 4, 16] as const;

/** Events that wait when a relay comes back. */
export const backlogs = [5_000, 20_000, 60_000] as const;

/** Rows that the outbox has already, the first of which the others are compared with. */
export const historySizes = {
  default: [0, 10_000, 1_000_000],
  long: [0, 10_000, 1_000_000, 10_000_000],
} as const;

/** How long another session holds its transaction, at least, in s. */
export const heldSeconds = { default: 15, long: 60 } as const;

export const latency = {
  /** Between two single events, in ms; at random, so that they meet a relay at any point of its poll. */
  idlePauseMs: { from: 10, to: 40 },
  /** Share of the highest load. */
  load: 0.5,
  /** Events; writers that shall not be faster than the relay wait beyond it. */
  mostBehind: 1_000,
  eventsPerTransaction: 20,
  writers: 16,
} as const;

/** For how long CPU is read while nothing happens. */
export const idleMs = 10_000;

export const aims = {
  ofLimit: 0.9,
  withHistory: 0.9,
  besideOpenTransaction: 0.95,
  idleP99Ms: 5,
  loadedP99Ms: 10,
} as const;

export const profiled = { events: 50_000, items: 10 } as const;
