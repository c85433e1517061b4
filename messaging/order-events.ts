import type { NatsConnection } from 'nats';
import type { DomainEvent } from '../domain/events.ts';
import type { Topology } from '../domain/topology.ts';
import { eventIn } from './event-message.ts';
import { subscribe } from './subscribe.ts';

const LISTENS_WITHIN_MS = 1_000;

/**
 * Hears an order's events while the relay publishes them, over core NATS: no consumer, nothing stored, nothing that is
 * missed comes again. An event may come twice.
 * @param onUnreadable is given the reason for a message that cannot be read
 * @returns once the server listens: what is published from now on is heard. @throws Error when it does not in time
 */
export async function followOrder(
  connection: NatsConnection,
  topology: Topology,
  orderId: string,
  onEvent: (event: DomainEvent) => void,
  onUnreadable: (error: unknown) => void,
): Promise<{ stop(): void }> {
  const subscription = subscribe(connection, {
    subject: topology.eventsOf(orderId),
    parse: (message) => eventIn(topology, message),
    onMessage: onEvent,
    onUnreadable,
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`NATS took a subscription for longer than ${LISTENS_WITHIN_MS} ms`));
    }, LISTENS_WITHIN_MS);
  });
  try {
    await Promise.race([connection.flush(), late]);
  } catch (error) {
    subscription.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return {
    stop: () => {
      subscription.close();
    },
  };
}
