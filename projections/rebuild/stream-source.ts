import type { DomainEvent } from '../../domain/events.ts';
import type { Topology } from '../../domain/topology.ts';
import type { NatsConnection } from '../../messaging/connection.ts';
import { eventIn } from '../../messaging/event-message.ts';
import { readAhead } from '../../messaging/read-ahead.ts';
import type { StreamMessage } from '../../messaging/stream-reader.ts';
import { scanStream } from '../../messaging/stream-scan.ts';
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

/**
 * The events between two places, in stream order: of each partition those behind `from` and up to `to`.
 * @throws StreamReplacedError, TooSlowError, or Error when messages that the stream holds do not arrive
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
  const { stream } = topology;
  const scan = scanStream(connection, { stream, after: span.after, upTo: span.last, created, pageSize });
  const reader = readAhead(
    {
      created,
      next: async () => {
        const page = await scan.next();
        return page.done
          ? { messages: [], pending: 0, reached: span.last }
          : { messages: page.value, pending: 1, reached: page.value.at(-1)?.streamSequence ?? 0 };
      },
      close: async () => {
        await scan.return();
      },
    },
    ({ messages, reached }) => ({
      candidates: messages.filter(isWanted).map((message) => candidateOf(topology, message)),
      reached,
    }),
  );
  try {
    for (let sequence = span.after; sequence < span.last;) {
      const { candidates, reached } = await reader.next();
      sequence = reached;
      yield { candidates, sequence, prepareNext: reader.prepareNext };
      if (performance.now() - startedAt > withinMs && sequence < span.last)
        throw new TooSlowError(`the events up to message ${span.last} took longer than ${withinMs} ms`);
    }
  } finally {
    await reader.close();
  }
}

/** Reads it ahead; why it cannot be read is told to whoever asks for it: it may be parked, and not be asked for. */
function candidateOf(topology: Topology, message: StreamMessage): Candidate {
  const sequence = message.streamSequence;
  try {
    const event = eventOf(topology, message);
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

function eventOf(topology: Topology, message: StreamMessage): DomainEvent {
  try {
    return eventIn(topology, message);
  } catch (error) {
    throw new Error(`message ${message.streamSequence} (${message.subject}) cannot be read`, {
      cause: error,
    });
  }
}
