import type { NatsConnection } from 'nats';
import type { Topology } from '../domain/topology.ts';

const LISTENS_WITHIN_MS = 1_000;

/**
 * Hears an order's events while the relay publishes them, over core NATS: no consumer, nothing stored, nothing that is
 * missed comes again. An event may come twice.
 * @param onEvent is given the JSON of each event
 * @returns once the server listens: what is published from now on is heard. @throws Error when it does not in time
 */
export async function followOrder(
  connection: NatsConnection,
  topology: Topology,
  orderId: string,
  onEvent: (json: string) => void,
): Promise<{ stop(): void }> {
  const subscription = connection.subscribe(topology.eventsOf(orderId), {
    callback: (error, message) => {
      if (!error) onEvent(message.string());
    },
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
    subscription.unsubscribe();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return {
    stop: () => {
      subscription.unsubscribe();
    },
  };
}
