import { OrderSystemError } from '../domain/errors.ts';
import type { Topology } from '../domain/topology.ts';
import type { Messaging } from './connection.ts';
import { contentOrNothing, type UnreadableMessageError } from './event-message.ts';
import { requireStream, StreamMissingError, type StreamMessage } from './stream-reader.ts';
import { scanStream } from './stream-scan.ts';

const PAGE_SIZE = 500;

export interface PublishedMessage extends StreamMessage {
  /** The JSON of the event as it was published. */
  readonly published: unknown;
}

/**
 * All events that the stream holds now, in order and page by page; what is published later is left out, and so are
 * messages that this release cannot read.
 * @param onUnreadable is told of each of these. @throws OrderSystemError UNAVAILABLE while it cannot be read, also while pages are taken
 */
export async function openHistory(
  messaging: Pick<Messaging, 'current'>,
  topology: Pick<Topology, 'stream' | 'subjectOf'>,
  onUnreadable: (error: UnreadableMessageError, streamSequence: number) => void = () => undefined,
): Promise<AsyncIterable<readonly PublishedMessage[]>> {
  const { stream } = topology;
  const connection = messaging.current;
  if (!connection) throw unavailable();
  const { created, lastSequence } = await requireStream(connection, stream).catch((cause: unknown) => {
    throw unavailable(cause);
  });

  async function* read(
    from: NonNullable<typeof connection>,
  ): AsyncGenerator<readonly PublishedMessage[], void, undefined> {
    try {
      const all = { stream, after: 0, created, upTo: lastSequence, pageSize: PAGE_SIZE };
      for await (const messages of scanStream(from, all))
        yield messages.flatMap((message) => {
          const content = contentOrNothing(topology, message, (error) => {
            onUnreadable(error, message.streamSequence);
          });
          return content ? [{ ...message, published: content.published }] : [];
        });
    } catch (cause) {
      throw unavailable(cause);
    }
  }
  return read(connection);
}

const unavailable = (cause?: unknown): OrderSystemError =>
  new OrderSystemError(
    'UNAVAILABLE',
    cause instanceof StreamMissingError
      ? 'there are no events yet: the worker makes their stream'
      : 'the event stream does not answer; try again',
    { cause },
  );
