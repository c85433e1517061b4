import { randomUUID } from 'node:crypto';
import type { NatsConnection } from 'nats';
import { z } from 'zod';
import { PARTITIONS, type Topology } from '../domain/topology.ts';
import { announcedTime } from './announced-time.ts';
import type { Messaging } from './connection.ts';
import { subscribe } from './subscribe.ts';

/** What a projector has just made visible, or that nothing new is there to be made visible. */
export interface Applied {
  /** The partitions, and under which lease each was written: whoever has it next has another epoch. */
  readonly writers: readonly { readonly partition: number; readonly epoch: string }[];
  /** Orders that may have changed; null: too many to name. */
  readonly orderIds: readonly string[] | null;
  /** Whether products or their stock may have changed. */
  readonly products: boolean;
  /** All that was committed before is in the views of these partitions; null while nobody knows. */
  readonly asOf: Date | null;
}

const appliedSchema = z.object({
  /** The process that tells it, and how many times it has before: who hears it can tell that something was missed. */
  source: z.string(),
  number: z.int(),
  writers: z.array(z.object({ partition: z.int().nonnegative().lt(PARTITIONS), epoch: z.string() })),
  orderIds: z.array(z.string()).nullable(),
  products: z.boolean(),
  asOf: announcedTime.nullable(),
});
export type HeardApplied = z.output<typeof appliedSchema>;

/** More would make a message that is larger than it is worth. */
const MAX_NAMED = 2_000;

/**
 * Tells what projectors of this process make visible, over core NATS. Call it after the commit, and before anything is
 * told that is as of a later time. Best effort: what was not heard shows in the number of the next one.
 */
export function createAppliedAnnouncer(messaging: Messaging, topology: Topology): (applied: Applied) => void {
  const source = randomUUID();
  let number = 0;
  return (applied) => {
    number += 1;
    const { orderIds } = applied;
    const named = orderIds && orderIds.length <= MAX_NAMED ? orderIds : null;
    const message = { ...applied, source, number, orderIds: named };
    messaging.current?.publish(topology.applied, JSON.stringify(message));
  };
}

/** @param onUnreadable is given what is no announcement that this release can read: it may have been any */
export function followApplied(
  connection: NatsConnection,
  topology: Topology,
  onApplied: (applied: HeardApplied) => void,
  onUnreadable: (error: unknown) => void,
): { close(): void } {
  return subscribe(connection, {
    subject: topology.applied,
    parse: (message) => appliedSchema.parse(message.json()),
    onMessage: onApplied,
    onUnreadable,
  });
}
