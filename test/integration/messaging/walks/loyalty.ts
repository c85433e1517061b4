// doc: loyalty
import { AckPolicy, DeliverPolicy, type ConsumerMessages, type NatsConnection } from 'nats';
import { z } from 'zod';

/** What this service needs of an event, in the version that it was written for. */
const completedOrder = z.object({
  id: z.uuid(),
  schemaVersion: z.literal(1),
  aggregateId: z.uuid(),
  data: z.object({ totalMinor: z.int(), currency: z.string() }),
});
export type CompletedOrder = z.infer<typeof completedOrder>;

const STREAM = 'ORDERS';
const DURABLE = 'loyalty';
const AGAIN_AFTER_MS = 1_000;

/** The server keeps the position under the consumer's name; the first time, it begins with the oldest event. */
export async function openCompletedOrders(connection: NatsConnection): Promise<ConsumerMessages> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  await manager.consumers.add(STREAM, {
    durable_name: DURABLE,
    filter_subject: 'orders.*.OrderCompleted.*',
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
  });
  const consumer = await connection.jetstream({ checkAPI: false }).consumers.get(STREAM, DURABLE);
  return consumer.consume({ max_messages: 100 });
}

/**
 * Gives points for every completed order, until the messages are stopped.
 * @param givePoints keeps the event's id in its own transaction, and does nothing for one that it has seen
 * @param onFailure is told of what cannot be read or handled; it comes again, so that nothing is skipped
 */
export async function rewardOrders(
  messages: ConsumerMessages,
  givePoints: (order: CompletedOrder) => Promise<void>,
  onFailure: (error: unknown) => void,
): Promise<void> {
  for await (const message of messages) {
    try {
      await givePoints(completedOrder.parse(message.json()));
      message.ack();
    } catch (error) {
      onFailure(error);
      message.nak(AGAIN_AFTER_MS);
    }
  }
}
// end doc
