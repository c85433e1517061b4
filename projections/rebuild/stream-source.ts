import type { DomainEvent } from '../../domain/events.ts';
import type { Topology } from '../../domain/topology.ts';
import type { NatsConnection } from '../../messaging/connection.ts';
import { eventIn } from '../../messaging/event-body.ts';
import { readAhead } from '../../messaging/read-ahead.ts';
import { openStreamReader, type StreamMessage } from '../../messaging/stream-reader.ts';
import type { Candidate } from './parked.ts';
import { spanOf, type Sequences } from './positions.ts';

/** The stream that the live tables are made from. */
export interface StreamSource {
  readonly connection: NatsConnection;
  readonly topology: Topology;
  readonly created: string;
}

export interface EventPage {
  readonly candidates: readonly Candidate[];
  /** Of the last message that was read for it. */
  readonly sequence: number;
  /** Reads the events of the next page, if it has come. */
  readonly prepareNext: () => void;
}

interface PageOptions {
  readonly pageSize: number;
  /** Give up with a `TooSlowError` when not everything was read and used within this, in ms. */
  readonly withinMs?: number;
}

/** What was to be read in a bounded time took longer. */
export class TooSlowError extends Error {
  override readonly name = 'TooSlowError';
}

/** Each empty answer took about a second. */
const MOST_EMPTY_PAGES = 5;

/**
 * The events between two places, in stream order: of each partition those behind `from` and up to `to`.
 * @throws StreamReplacedError, TooSlowError, or Error when the stream gives no message though it should hold some
 */
export async function* eventsBetween(
  { connection, topology, created }: StreamSource,
  from: Sequences,
  to: Sequences,
  { pageSize, withinMs = Number.POSITIVE_INFINITY }: PageOptions,
): AsyncGenerator<EventPage> {
  const span = spanOf(from, to);
  if (!span) return;
  const startedAt = performance.now();
  const isWanted = ({ subject, streamSequence }: StreamMessage): boolean => {
    const partition = topology.partitionIn(subject);
    return streamSequence > (from[partition] ?? 0) && streamSequence <= (to[partition] ?? 0);
  };
  const reader = readAhead(
    await openStreamReader(connection, { stream: topology.stream, after: span.after, created, pageSize }),
    ({ messages, isEnd }) => ({
      isEnd,
      candidates: messages.filter(isWanted).map(candidateOf),
      last: messages.at(-1)?.streamSequence,
    }),
  );
  try {
    let empty = 0;
    for (let sequence = span.after; sequence < span.last;) {
      const { candidates, last, isEnd } = await reader.next();
      // The messages behind it were deleted: this is all that there is.
      if (isEnd) {
        yield { candidates, sequence: span.last, prepareNext: reader.prepareNext };
        return;
      }
      empty = last === undefined ? empty + 1 : 0;
      if (empty === MOST_EMPTY_PAGES)
        throw new Error(
          `stream ${topology.stream} gives no message behind ${sequence}, though the live tables were applied up to ${span.last}`,
        );
      sequence = last ?? sequence;
      yield { candidates, sequence, prepareNext: reader.prepareNext };
      if (performance.now() - startedAt > withinMs && sequence < span.last)
        throw new TooSlowError(`the events up to message ${span.last} took longer than ${withinMs} ms`);
    }
  } finally {
    await reader.close();
  }
}

/** Reads it ahead; why it cannot be read is told to whoever asks for it: it may be parked, and not be asked for. */
function candidateOf(message: StreamMessage): Candidate {
  const sequence = message.streamSequence;
  try {
    const event = eventOf(message);
    return { sequence, read: () => event };
  } catch (error) {
    return {
      sequence,
      read: () => {
        throw error;
      },
    };
  }
}

function eventOf({ data, streamSequence, subject }: StreamMessage): DomainEvent {
  try {
    return eventIn(data);
  } catch (error) {
    throw new Error(`message ${streamSequence} (${subject}) cannot be read`, { cause: error });
  }
}
