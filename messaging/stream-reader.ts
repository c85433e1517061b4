import { setTimeout as pause } from 'node:timers/promises';
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
   * Set when the server has said that it stores nothing behind the last message read, whatever the stream's last sequence
   * is: the last messages may have been deleted.
   */
  readonly isEnd?: true;
}

export const toStreamMessage = (message: JsMsg): StreamMessage => ({
  streamSequence: message.seq,
  subject: message.subject,
  data: message.data,
  id: () => {
    const id = message.headers?.get('Nats-Msg-Id') ?? '';
    return id === '' ? undefined : id;
  },
});

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
/** The server removes the reader's consumer when nobody asked it for this long. */
const FORGET_AFTER_MS = 60_000;

/**
 * Reads a whole stream in order from a position that the caller keeps. Nothing is acknowledged: a message that got
 * lost on the way shows as a gap in the delivery sequence, and the reader begins again behind the last one it had.
 * @throws StreamMissingError when there is no such stream, StreamReplacedError when it is not the one that was read before.
 */
export async function openStreamReader(
  connection: NatsConnection,
  { stream, after, created, pageSize }: ReaderOptions,
): Promise<StreamReader> {
  const opened = await requireStream(connection, stream);
  let lastSequence = after;
  let delivered = 0;
  let consumer: Consumer | undefined;
  let foundNothing = false;
  assertSame(opened, created ?? opened.created);

  return {
    created: opened.created,
    next: async () => {
      consumer ??= await makeConsumer();
      const startedAt = Date.now();
      const first = await nextOrNothing(consumer);
      if (!first || first === 'gone') {
        if (first === 'gone') consumer = undefined;
        await verify();
        // Also when the wait was cut short because the consumer is gone, this must not become a busy loop.
        if (Date.now() - startedAt < WAIT_MS / 2) await pause(WAIT_MS / 4);
        return { messages: [], pending: 0, ...(foundNothing ? { isEnd: true } : {}) };
      }
      foundNothing = false;
      const rest = Math.min(first.info.pending, pageSize - 1);
      const messages = rest > 0 ? [first, ...(await fetch(consumer, rest))] : [first];
      return take(messages);
    },
    close: async () => {
      await consumer?.delete().catch(() => false); // the server forgets it by itself as well
    },
  };

  async function makeConsumer(): Promise<Consumer> {
    delivered = 0;
    const manager = await connection.jetstreamManager({ checkAPI: false });
    const { name, num_pending } = await manager.consumers.add(stream, {
      ack_policy: AckPolicy.None,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: lastSequence + 1,
      mem_storage: true,
      inactive_threshold: nanos(FORGET_AFTER_MS),
    });
    foundNothing = num_pending === 0;
    return connection.jetstream().consumers.get(stream, name);
  }

  /** Drops the consumer, so that the next call makes a new one, when it is gone. */
  async function verify(): Promise<void> {
    const present = await requireStream(connection, stream);
    assertSame(present, opened.created);
    if (present.lastSequence > lastSequence) consumer = undefined;
  }

  function assertSame(present: StreamState, createdBefore: string): void {
    if (present.created !== createdBefore) {
      throw new StreamReplacedError(`stream ${stream} was created anew at ${present.created}`);
    }
    if (present.lastSequence < lastSequence) {
      throw new StreamReplacedError(
        `stream ${stream} ends at ${present.lastSequence}, but ${lastSequence} messages of it were read`,
      );
    }
  }

  function take(received: readonly JsMsg[]): StreamPage {
    const messages: StreamMessage[] = [];
    let pending = 0;
    for (const message of received) {
      if (message.info.deliverySequence !== delivered + 1) {
        consumer = undefined; // something was lost on the way
        break;
      }
      delivered += 1;
      lastSequence = message.seq;
      pending = message.info.pending;
      messages.push(toStreamMessage(message));
    }
    return { messages, pending };
  }
}

/** @returns 'gone' when the server does not know the consumer any more, as after its restart. */
async function nextOrNothing(consumer: Consumer): Promise<JsMsg | 'gone' | undefined> {
  try {
    return (await consumer.next({ expires: WAIT_MS })) ?? undefined;
  } catch (error) {
    if (error instanceof NatsError && error.code === (ErrorCode.NoResponders as string)) return 'gone';
    throw error;
  }
}

async function fetch(consumer: Consumer, count: number): Promise<JsMsg[]> {
  const messages: JsMsg[] = [];
  const fetched = await consumer.fetch({ max_messages: count, expires: WAIT_MS });
  for await (const message of fetched) messages.push(message);
  return messages;
}

async function requireStream(connection: NatsConnection, stream: string): Promise<StreamState> {
  const state = await streamState(connection, stream);
  if (!state) throw new StreamMissingError(`there is no stream ${stream} yet; the worker makes it`);
  return state;
}
