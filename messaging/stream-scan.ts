import { AckPolicy, DeliverPolicy, millis, nanos, type JsMsg, type NatsConnection } from 'nats';
import { toStreamMessage, type StreamMessage } from './stream-reader.ts';

interface ScanOptions {
  readonly stream: string;
  /** The last sequence that was read before, 0 for none. */
  readonly after: number;
  /** Filters: only messages that one of them matches. Absent: all. */
  readonly subjects?: readonly string[] | undefined;
  readonly pageSize: number;
}

/** A message with what the server noted of it; read only when it is asked for. */
export interface ScannedMessage extends StreamMessage {
  readonly storedAt: () => Date;
  /** Empty for one that it does not have. */
  readonly header: (name: string) => string;
}

const WAIT_MS = 10_000;
const FORGET_AFTER_MS = 60_000;

/**
 * Reads once, page by page and in order, what a stream holds at this moment behind a position.
 * @throws Error when not all of it arrives
 */
export async function* scanStream(
  connection: NatsConnection,
  { stream, after, subjects, pageSize }: ScanOptions,
): AsyncGenerator<readonly ScannedMessage[]> {
  const manager = await connection.jetstreamManager({ checkAPI: false });
  const { name, num_pending } = await manager.consumers.add(stream, {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    ...(subjects === undefined ? {} : { filter_subjects: [...subjects] }),
    mem_storage: true,
    inactive_threshold: nanos(FORGET_AFTER_MS),
  });
  try {
    const consumer = await connection.jetstream().consumers.get(stream, name);
    for (let delivered = 0; delivered < num_pending;) {
      const max_messages = Math.min(pageSize, num_pending - delivered);
      const page: JsMsg[] = [];
      for await (const message of await consumer.fetch({ max_messages, expires: WAIT_MS }))
        page.push(message);
      // Nothing is acknowledged, so what got lost on the way does not come again.
      if (
        page.length === 0 ||
        page.some(({ info }, index) => info.deliverySequence !== delivered + index + 1)
      )
        throw new Error(`of ${num_pending} messages of stream ${stream} only ${delivered} arrived in order`);
      delivered += page.length;
      yield page.map((message) => ({
        ...toStreamMessage(message),
        storedAt: () => new Date(millis(message.info.timestampNanos)),
        header: (name: string) => message.headers?.get(name) ?? '',
      }));
    }
  } finally {
    await manager.consumers.delete(stream, name).catch(() => false); // the server forgets it by itself as well
  }
}
