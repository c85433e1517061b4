import { OrderSystemError } from '../domain/errors.ts';
import type { Topology } from '../domain/topology.ts';
import type { Messaging } from './connection.ts';
import { openStreamReader, StreamMissingError, type StreamMessage } from './stream-reader.ts';
import { streamState } from './stream.ts';

const PAGE_SIZE = 500;
/** Each is waited for some second: longer than a consumer takes to be made anew. */
const EMPTY_PAGES = 5;
const DOWN = 'the event stream does not answer; try again';

/**
 * All that the stream holds now, in order and page by page; what is published later is left out.
 * @throws OrderSystemError UNAVAILABLE while it cannot be read
 * @returns throws when the stream stops before its end
 */
export async function openHistory(
  messaging: Pick<Messaging, 'current'>,
  { stream }: Pick<Topology, 'stream'>,
): Promise<AsyncIterable<readonly StreamMessage[]>> {
  const connection = messaging.current;
  if (!connection) throw new OrderSystemError('UNAVAILABLE', DOWN);
  const beginning = { stream, after: 0, created: null, pageSize: PAGE_SIZE };
  const reader = await openStreamReader(connection, beginning).catch((cause: unknown) => {
    const isMissing = cause instanceof StreamMissingError;
    const why = isMissing ? 'there are no events yet: the worker makes their stream' : DOWN;
    throw new OrderSystemError('UNAVAILABLE', why, { cause });
  });
  const end = (await streamState(connection, stream))?.lastSequence ?? 0;

  async function* read(): AsyncGenerator<readonly StreamMessage[], void, undefined> {
    let empty = 0;
    try {
      for (let last = 0; last < end;) {
        const { messages, isEnd } = await reader.next();
        if (isEnd) return; // what was behind it has been deleted
        last = messages.at(-1)?.streamSequence ?? last;
        empty = messages.length === 0 ? empty + 1 : 0;
        if (empty === EMPTY_PAGES) throw new Error(`stream ${stream} gives nothing after ${last} of ${end}`);
        if (messages.length > 0) yield messages.filter(({ streamSequence }) => streamSequence <= end);
      }
    } finally {
      await reader.close();
    }
  }
  return read();
}
