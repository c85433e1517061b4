import { AckPolicy, DeliverPolicy, nanos, type Consumer, type JsMsg, type NatsConnection } from 'nats';
import { toStreamMessage, type StreamMessage } from './stream-reader.ts';

interface HistoryOptions {
  readonly stream: string;
  /** Only messages of these; absent: all. */
  readonly subjects?: readonly string[] | undefined;
  /** The last sequence that was read before, 0 for none. */
  readonly after: number;
  readonly pageSize: number;
}

const PAGE_WITHIN_MS = 5_000;
/** The server removes the consumer when its reader does not come back for this long. */
const FORGET_AFTER_MS = 60_000;

/**
 * What a stream holds at the moment of the call, in order, and nothing that comes later. The next page is asked for
 * when the one before has been taken, so that a slow reader costs a page of memory.
 * @throws Error when it cannot be read to its end; who goes on behind the last message has missed none.
 */
export async function* readHistory(
  connection: NatsConnection,
  { stream, subjects, after, pageSize }: HistoryOptions,
): AsyncGenerator<StreamMessage, void, undefined> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const { name, num_pending: pending } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    ...(subjects ? { filter_subjects: [...subjects] } : {}),
    mem_storage: true,
    inactive_threshold: nanos(FORGET_AFTER_MS),
  });
  try {
    if (pending === 0) return;
    const consumer = await connection.jetstream().consumers.get(stream, name);
    for (let read = 0; read < pending;) {
      const page = await fetchPage(consumer, Math.min(pageSize, pending - read));
      for (const message of page) {
        read += 1;
        // Nothing is acknowledged, so the server does not repeat what got lost on the way.
        if (message.info.deliverySequence !== read)
          throw new Error(`message ${read} of ${pending} of stream ${stream} got lost on the way`);
        yield toStreamMessage(message);
      }
      if (page.length === 0) throw new Error(`stream ${stream} gave ${read} of ${pending} messages`);
    }
  } finally {
    await manager.consumers.delete(stream, name).catch(() => false); // the server forgets it by itself as well
  }
}

async function fetchPage(consumer: Consumer, size: number): Promise<JsMsg[]> {
  const page: JsMsg[] = [];
  const fetched = await consumer.fetch({ max_messages: size, expires: PAGE_WITHIN_MS });
  for await (const message of fetched) page.push(message);
  return page;
}
