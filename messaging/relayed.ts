import type { NatsConnection } from 'nats';
import { z } from 'zod';
import { OUTBOX_SHARDS, type Topology } from '../domain/topology.ts';
import { announcedTime } from './announced-time.ts';
import type { Messaging } from './connection.ts';
import { subscribe } from './subscribe.ts';

/** Up to when a shard's committed events are in the stream, and where there. */
export interface Relayed {
  readonly asOf: Date;
  /** `created` of the stream. */
  readonly created: string;
  readonly lastSequence: number;
}

/** Best effort: it is told again soon, and what nobody hears only makes views look older than they are. */
export function announceRelayed(
  messaging: Pick<Messaging, 'current'>,
  topology: Topology,
  shard: number,
  relayed: Relayed,
): void {
  messaging.current?.publish(topology.relayed(shard), JSON.stringify(relayed));
}

const relayedSchema = z.object({
  asOf: announcedTime,
  created: z.string(),
  lastSequence: z.int().nonnegative(),
});

export interface Freshness {
  /**
   * The time up to which a reader that has read this far of this stream knows all that was committed; undefined
   * until every relay has spoken. Grows no more while a relay, NATS or the reader stands still.
   */
  asOf(created: string, lastSequence: number): Date | undefined;
  close(): void;
}

/** Announcements that a reader has yet to catch up with, per shard; more only make the answer less fine. */
const KEPT = 64;

/** Subscribes to the announcements of the relays. @param onUnreadable receives the error for a message that is none */
export function followRelayed(
  connection: NatsConnection,
  topology: Topology,
  onUnreadable: (error: unknown) => void,
): Freshness {
  const shards = Array.from({ length: OUTBOX_SHARDS }, () => ({
    reached: undefined as Relayed | undefined,
    ahead: [] as Relayed[],
  }));
  const subscriptions = shards.map((shard, number) =>
    subscribe(connection, {
      subject: topology.relayed(number),
      parse: (message) => relayedSchema.parse(message.json()),
      onMessage: (relayed) => {
        // A later announcement of the same place, or of an earlier one, stands for those: of a stream that was set
        // back, and of a place that nobody ever reaches.
        while ((shard.ahead.at(-1)?.lastSequence ?? -1) >= relayed.lastSequence) shard.ahead.pop();
        if (shard.ahead.length === KEPT) shard.ahead.splice(KEPT / 2, 1);
        shard.ahead.push(relayed);
      },
      onUnreadable,
    }),
  );
  return {
    asOf: (created, lastSequence) => {
      const times = shards.map((shard) => {
        while (
          shard.ahead[0] &&
          (shard.ahead[0].created !== created || shard.ahead[0].lastSequence <= lastSequence)
        ) {
          const next = shard.ahead.shift();
          if (next?.created === created) shard.reached = next;
        }
        return shard.reached?.created === created ? shard.reached.asOf.getTime() : Number.NaN;
      });
      const oldest = Math.min(...times);
      return Number.isNaN(oldest) ? undefined : new Date(oldest);
    },
    close: () => {
      for (const subscription of subscriptions) subscription.close();
    },
  };
}
