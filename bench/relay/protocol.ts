import { z } from 'zod';

/** What the relays' process is started with, as JSON in its only argument. */
export const settingsSchema = z.object({ natsUrl: z.string() });
export type RelaySettings = z.infer<typeof settingsSchema>;

/** From memory: pages as the relay's, so many of them on the way at a time. */
const waySchema = z.object({
  /** `publishInOrder`: what the relay's publisher uses. `lean`: everything but the sending is done beforehand. */
  through: z.enum(['publishInOrder', 'lean']),
  inFlight: z.int(),
});
export type Way = z.infer<typeof waySchema>;

/** From memory: events that come at a steady rate, so many at a time. */
const comingSchema = z.object({ perSecond: z.number(), together: z.int(), seconds: z.number() });
export type Coming = z.infer<typeof comingSchema>;

/** An outbox with so many shards and the stream, named by its prefix, that it is published to. */
const routeSchema = z.object({ databaseUrl: z.string(), prefix: z.string(), shards: z.int() });
export type Route = z.infer<typeof routeSchema>;

export const requestSchema = z.discriminatedUnion('ask', [
  /** Publishes what is committed: so many events. */
  z.object({ ask: z.literal('relay'), route: routeSchema, events: z.int() }),
  z.object({ ask: z.literal('publish'), prefix: z.string(), way: waySchema, events: z.int() }),
  /** One message at a time, each awaited. */
  z.object({ ask: z.literal('publish-singly'), prefix: z.string(), seconds: z.number() }),
  z.object({ ask: z.literal('publish-coming'), prefix: z.string(), coming: comingSchema }),
  /** The same as `relay`, by the peer in skip-locked.ts. */
  z.object({ ask: z.literal('skip-locked'), route: routeSchema, events: z.int() }),
  /** Has relays run until `stop`. */
  z.object({ ask: z.literal('follow'), route: routeSchema }),
  z.object({ ask: z.literal('stop') }),
  z.object({ ask: z.literal('end') }),
]);
export type RelayRequest = z.infer<typeof requestSchema>;

/** So many events of one aggregate were acknowledged by the stream at this time. */
export interface Arrival {
  readonly aggregateId: string;
  readonly events: number;
  readonly atMicros: number;
}

/** All answers of one kind that a relay waited for. */
export interface Wait {
  readonly what: string;
  readonly times: number;
  readonly seconds: number;
}

/** What relays did while they ran. */
export interface Followed {
  readonly arrivals: readonly Arrival[];
  readonly waits: readonly Wait[];
}

export type RelayAnswer =
  | {
      readonly is: 'published';
      readonly seconds: number;
      readonly endedAtMicros: number;
      /** Of the relay. */
      readonly waits: readonly Wait[];
    }
  | { readonly is: 'timed'; readonly ms: readonly number[] }
  | { readonly is: 'following' }
  | ({ readonly is: 'stopped' } & Followed);
