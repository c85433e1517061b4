import { randomBytes } from 'node:crypto';
import type { DomainEvent, Provenance } from '../../domain/events.ts';
import type { SagaKind } from '../../domain/order.ts';
import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { lastEventOf } from '../../messaging/order-event.ts';
import { newId } from '../../platform/clock.ts';

/** The events of a saga name the event that started it as their cause. */
export const provenanceOf = ({ id, correlationId, traceparent }: DomainEvent): Provenance => ({
  correlationId,
  causationId: id,
  traceparent,
});

/** Names the event that started the saga for the first time, so that its order keeps its trace; else a new cause. */
export async function provenanceFor(
  { messaging, topology }: { messaging: Pick<Messaging, 'current'>; topology: Topology },
  saga: SagaKind,
  orderId: string,
): Promise<Provenance> {
  const type = saga === 'order' ? 'OrderCreated' : 'OrderCompleted';
  const connection = messaging.current;
  // A saga has to start also while NATS is away, and when the event is lost or cannot be read.
  const event = connection && (await lastEventOf(connection, topology, type, orderId).catch(() => undefined));
  return event ? provenanceOf(event) : newProvenance();
}

function newProvenance(): Provenance {
  const id = newId();
  const traceparent = `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
  return { correlationId: id, causationId: id, traceparent };
}
