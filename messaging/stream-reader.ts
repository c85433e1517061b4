import { setTimeout as pause } from 'node:timers/promises';
import type { JsMsg, NatsConnection } from 'nats';
import { makeOrderedConsumer, type OrderedConsumer } from './ordered-consumer.ts';
import { streamState, type StreamState } from './stream.ts';

export interface StreamMessage {
  readonly streamSequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Under which it was published; undefined for none. Headers are only read when it is asked for. */
  readonly id: () => string | undefined;
}

export interface StreamPage {
  readonly messages: readonly StreamMessage[];
  /** Messages in the stream after the page's last one, as far as is known. */
  readonly pending: number;
  /**
   * All that the stream holds up to this sequence has been read: that of the last message, or a later one where the
   * messages behind it were deleted, purged or have expired.
   */
  readonly reached: number;
}

export const toStreamMessage = (message: JsMsg): StreamMessage => ({
  streamSequence: message.seq,
  subject: message.subject,
  data: message.data,
  id: () => {
    const id = headerOf(message, 'Nats-Msg-Id');
    return id === '' ? undefined : id;
  },
});

/** Empty for a header that the message does not have, and where others have published what the client cannot parse. */
export function headerOf(message: Pick<JsMsg, 'headers'>, name: string): string {
  try {
    return message.headers?.get(name) ?? '';
  } catch {
    return '';
  }
}

/** A stream other than the one that was read so far: replaced, or set back to an earlier state. */
export class StreamReplacedError extends Error {
  override readonly name = 'StreamReplacedError';
}

/** There is no such stream yet: the first relay, or the first saga starter, makes it. */
export class StreamMissingError extends Error {
  override readonly name = 'StreamMissingError';
}

export interface StreamReader {
  /** Which stream is read. */
  readonly created: string;
  /**
   * The next messages in stream order; waits about a second for the first one, and may be empty.
   * @throws StreamReplacedError
   */
  next(): Promise<StreamPage>;
  close(): Promise<void>;
}

interface ReaderOptions {
  readonly stream: string;
  /** The last sequence that was read before, 0 for none. */
  readonly after: number;
  /** `created` of the stream that was read before, null for none. */
  readonly created: string | null;
  readonly pageSize: number;
}

const WAIT_MS = 1_000;

/**
 * Reads a whole stream in order from a position that the caller keeps. Nothing is acknowledged: a message that got
 * lost on the way shows as a gap in the delivery sequence, and the reader begins again behind the last one it had.
 * @throws StreamMissingError when there is no such stream, StreamReplacedError when it is not the one that was read before.
 */
export async function openStreamReader(
  connection: NatsConnection,
  { stream, after, created, pageSize }: ReaderOptions,
): Promise<StreamReader> {
  const opened = await requireStream(connection, stream, { created: created ?? undefined, after });
  let reached = after;
  /** With the last sequence of the stream before it was made. */
  let reading: { readonly consumer: OrderedConsumer; readonly end: number } | undefined;

  return {
    created: opened.created,
    next: async () => {
      reading ??= await begin();
      const { consumer } = reading;
      const startedAt = Date.now();
      const first = await take(consumer, 1);
      if (first.length === 0) {
        await lookBehind();
        // Also when the wait was cut short because the consumer is gone, this must not become a busy loop.
        if (Date.now() - startedAt < WAIT_MS / 2) await pause(WAIT_MS / 4);
        return { messages: [], pending: 0, reached };
      }
      const rest = Math.min(first.at(-1)?.info.pending ?? 0, pageSize - 1);
      const received = rest > 0 ? [...first, ...(await take(consumer, rest))] : first;
      return {
        messages: received.map(toStreamMessage),
        pending: received.at(-1)?.info.pending ?? 0,
        reached,
      };
    },
    close: async () => {
      await reading?.consumer.delete();
    },
  };

  async function begin(): Promise<NonNullable<typeof reading>> {
    const { lastSequence } = await requireSame();
    return {
      consumer: await makeOrderedConsumer(connection, { stream, after: reached }),
      end: lastSequence,
    };
  }

  async function take(consumer: OrderedConsumer, most: number): Promise<JsMsg[]> {
    const { messages, isBroken } = await consumer.fetch(most, WAIT_MS);
    if (isBroken) {
      reading = undefined;
      await consumer.delete();
    }
    reached = messages.at(-1)?.seq ?? reached;
    return messages;
  }

  /**
   * Nothing came, though the stream's last sequence may lie behind: then either the consumer is at fault, or there is
   * no such message any more. A new consumer knows: the server counts for it what it will deliver.
   */
  async function lookBehind(): Promise<void> {
    const { lastSequence } = await requireSame();
    if (lastSequence <= reached || !reading) return;
    const { consumer, end } = reading;
    const holdsNothing = consumer.pending === 0 && consumer.delivered === 0;
    if (holdsNothing) reached = Math.max(reached, end);
    if (lastSequence > reached) {
      reading = undefined;
      await consumer.delete();
    }
  }

  function requireSame(): Promise<StreamState> {
    return requireStream(connection, stream, { created: opened.created, after: reached });
  }
}

/**
 * @param known what was read of it before; absent: nothing
 * @throws StreamMissingError, or StreamReplacedError when it is not that one, or ends before `after`
 */
export async function requireStream(
  connection: NatsConnection,
  stream: string,
  { created, after = 0 }: { readonly created?: string | undefined; readonly after?: number } = {},
): Promise<StreamState> {
  const state = await streamState(connection, stream);
  if (!state) throw new StreamMissingError(`there is no stream ${stream} yet; the worker makes it`);
  if (created !== undefined && state.created !== created)
    throw new StreamReplacedError(`stream ${stream} was created anew at ${state.created}`);
  if (state.lastSequence < after)
    throw new StreamReplacedError(
      `stream ${stream} ends at ${state.lastSequence}, but ${after} messages of it were read`,
    );
  return state;
}
