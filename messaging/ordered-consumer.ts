import {
  AckPolicy,
  DeliverPolicy,
  ErrorCode,
  nanos,
  NatsError,
  type Consumer,
  type JsMsg,
  type NatsConnection,
} from 'nats';

interface OrderedConsumerOptions {
  readonly stream: string;
  /** The last sequence that was read before, 0 for none. */
  readonly after: number;
  /** Filters: only messages that one of them matches. Absent: all. */
  readonly subjects?: readonly string[] | undefined;
}

/**
 * A consumer of one reader that acknowledges nothing, so the server does not repeat what got lost on the way: such a
 * loss shows as a gap in the delivery sequence, and the reader has to make another consumer.
 */
export interface OrderedConsumer {
  /** Messages behind the position that the server held when it made the consumer: those that it will deliver. */
  readonly pending: number;
  /** Messages that have arrived in order so far. */
  readonly delivered: number;
  /**
   * At most `most` messages, as many as arrive within the time.
   * @returns those that are in order. `isBroken`: something was lost on the way, or the server has forgotten the
   * consumer, as after its restart
   */
  fetch(most: number, withinMs: number): Promise<{ messages: JsMsg[]; isBroken: boolean }>;
  delete(): Promise<void>;
}

/** The server removes the consumer when its reader does not come back for this long. */
const FORGET_AFTER_MS = 60_000;

export async function makeOrderedConsumer(
  connection: NatsConnection,
  { stream, after, subjects }: OrderedConsumerOptions,
): Promise<OrderedConsumer> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const { name, num_pending } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    ...(subjects === undefined ? {} : { filter_subjects: [...subjects] }),
    mem_storage: true,
    inactive_threshold: nanos(FORGET_AFTER_MS),
  });
  const consumer = await connection.jetstream().consumers.get(stream, name);
  let delivered = 0;
  return {
    pending: num_pending,
    get delivered() {
      return delivered;
    },
    fetch: async (most, withinMs) => {
      const { messages, isGone } = await receive(consumer, most, withinMs);
      const inOrder = messages.findIndex(
        ({ info }, index) => info.deliverySequence !== delivered + index + 1,
      );
      const taken = inOrder === -1 ? messages : messages.slice(0, inOrder);
      delivered += taken.length;
      return { messages: taken, isBroken: isGone || taken.length < messages.length };
    },
    delete: async () => {
      await consumer.delete().catch(() => false); // the server forgets it by itself as well
    },
  };
}

async function receive(
  consumer: Consumer,
  most: number,
  withinMs: number,
): Promise<{ messages: JsMsg[]; isGone: boolean }> {
  const messages: JsMsg[] = [];
  try {
    if (most === 1) {
      // As soon as there is one, where `fetch` waits for its last heartbeat.
      const message = await consumer.next({ expires: withinMs });
      if (message) messages.push(message);
    } else {
      const fetched = await consumer.fetch({ max_messages: most, expires: withinMs });
      for await (const message of fetched) messages.push(message);
    }
    return { messages, isGone: false };
  } catch (error) {
    if (error instanceof NatsError && error.code === (ErrorCode.NoResponders as string))
      return { messages, isGone: true };
    throw error;
  }
}
