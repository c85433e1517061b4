import { NatsError, type NatsConnection } from 'nats';
import type { DomainEvent, EventType } from '../domain/events.ts';
import type { Topology } from '../domain/topology.ts';
import { eventIn } from './event-message.ts';

/**
 * The last event of a type that the stream holds of one order; found by its subject, without reading the stream.
 * @returns undefined when there is none. @throws UnreadableMessageError when it cannot be read
 */
export async function lastEventOf(
  connection: NatsConnection,
  topology: Pick<Topology, 'stream' | 'subjectOf'>,
  type: EventType,
  orderId: string,
): Promise<DomainEvent | undefined> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const subject = topology.subjectOf({ aggregateType: 'order', aggregateId: orderId, type });
  try {
    const message = await manager.streams.getMessage(topology.stream, { last_by_subj: subject });
    return eventIn(topology, { subject, data: message.data });
  } catch (error) {
    if (error instanceof NatsError && error.api_error?.code === 404) return undefined;
    throw error;
  }
}
