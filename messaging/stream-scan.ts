import { millis, type NatsConnection } from 'nats';
import { makeOrderedConsumer, type OrderedConsumer } from './ordered-consumer.ts';
import { headerOf, requireStream, toStreamMessage, type StreamMessage } from './stream-reader.ts';

interface ScanOptions {
  readonly stream: string;
  /** The last sequence that was read before, 0 for none. */
  readonly after: number;
  /** The last sequence to read; absent: up to the present end of the stream. */
  readonly upTo?: number;
  /** `created` of the stream that `after` and `upTo` are places in; absent: of whichever there is. */
  readonly created?: string;
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

const PAGE_WITHIN_MS = 5_000;
/** Rounds without a message, each with a new consumer, though the server says that there are some. */
const MOST_EMPTY_ROUNDS = 5;

/**
 * Reads once, page by page and in order, what a stream holds behind a position. Where it ends is told by what the server
 * will still deliver, not by the stream's last sequence, whose message may have been deleted; so may others while this
 * reads, and they are left out. The next page is asked for when the one before has been taken, so that a slow reader
 * costs a page of memory.
 * @throws StreamMissingError, StreamReplacedError, or Error when messages that are there do not arrive
 */
export async function* scanStream(
  connection: NatsConnection,
  { stream, after, upTo, created, subjects, pageSize }: ScanOptions,
): AsyncGenerator<readonly ScannedMessage[], void, undefined> {
  const opened = await requireStream(connection, stream, { created, after: upTo === undefined ? 0 : after });
  const end = upTo ?? opened.lastSequence;
  let last = after;
  let empty = 0;
  let pending = 0;
  let consumer: OrderedConsumer | undefined;
  try {
    while (last < end) {
      if (!consumer) {
        consumer = await makeOrderedConsumer(connection, { stream, after: last, subjects });
        ({ pending } = consumer);
      }
      if (pending === 0) return;
      const { messages, isBroken } = await consumer.fetch(Math.min(pageSize, pending), PAGE_WITHIN_MS);
      const final = messages.at(-1);
      if (final) {
        [last, pending, empty] = [final.seq, final.info.pending, 0];
        const page = messages.filter(({ seq }) => seq <= end);
        if (page.length > 0)
          yield page.map((message) => ({
            ...toStreamMessage(message),
            storedAt: () => new Date(millis(message.info.timestampNanos)),
            header: (name: string) => headerOf(message, name),
          }));
      }
      if (final && !isBroken) continue;
      // Deleted meanwhile, lost on the way, or the consumer is gone: a new one counts what there is.
      empty += 1;
      if (empty > MOST_EMPTY_ROUNDS)
        throw new Error(`stream ${stream} gives nothing behind ${last}, though it holds ${pending} messages`);
      await consumer.delete();
      consumer = undefined;
      await requireStream(connection, stream, { created: opened.created });
    }
  } finally {
    await consumer?.delete();
  }
}
