import type { Topology } from '../domain/topology.ts';
import { BoundedQueue } from './bounded-queue.ts';
import type { Messaging } from './connection.ts';
import { openStreamReader, requireStream, type StreamMessage, type StreamReader } from './stream-reader.ts';

/** One who listens to what comes. */
export interface Listening {
  /** `created` of the stream. */
  readonly created: string;
  /** Everything behind this sequence is heard. */
  readonly after: number;
  /** @throws QueueOverflowError when the listener was too slow, or the reason for which nothing is heard any more */
  next(): Promise<StreamMessage>;
  /** Ends a `next` that waits, and hears nothing more. */
  leave(): void;
}

/** The end of the stream, read once for all who listen in this process, and only while somebody does. */
export interface LiveTail {
  /** @param subjects with `*` for any token; absent: all. @throws Error while NATS, or the stream, is not there */
  join(subjects?: readonly string[]): Promise<Listening>;
  /** Ends all listening, and lets nobody begin. */
  close(): Promise<void>;
}

interface Deps {
  readonly messaging: Messaging;
  readonly topology: Pick<Topology, 'stream'>;
  /** Messages that are kept for a listener who is slow. */
  readonly queueCapacity: number;
  readonly onFailure: (error: unknown) => void;
}

interface Listener {
  readonly wants: (subject: readonly string[]) => boolean;
  readonly queue: BoundedQueue<StreamMessage>;
}

interface Tail {
  readonly reader: StreamReader;
  readonly listeners: Set<Listener>;
  position: number;
  isOver: boolean;
}

/** A page must fit into a listener's queue, which is emptied between two of them. */
const MOST_PER_PAGE = 100;
const LOOK_EVERY_MS = 250;

class NotListeningError extends Error {
  override readonly name = 'NotListeningError';
}

export function createLiveTail({ messaging, topology, queueCapacity, onFailure }: Deps): LiveTail {
  let opening: Promise<Tail> | undefined;
  const readings = new Set<Promise<void>>();
  let isClosed = false;

  return {
    join: async (subjects) => {
      const tail = await current();
      const listener = { wants: matcherOf(subjects), queue: new BoundedQueue<StreamMessage>(queueCapacity) };
      tail.listeners.add(listener);
      return {
        created: tail.reader.created,
        after: tail.position,
        next: () => listener.queue.next(),
        leave: () => {
          tail.listeners.delete(listener);
          listener.queue.end(new NotListeningError('the listener has left'));
        },
      };
    },
    close: async () => {
      isClosed = true;
      const tail = await opening?.catch(() => undefined); // whoever opened it was told
      if (tail) {
        end(tail, new NotListeningError('the process ends'));
        await tail.reader.close(); // else it would wait for its next message
      }
      await Promise.all(readings);
    },
  };

  /** One that is being read; a reader that has just ended is not joined. */
  async function current(): Promise<Tail> {
    for (;;) {
      if (isClosed) throw new NotListeningError('the process ends');
      const tail = await (opening ??= open());
      if (!tail.isOver) return tail;
    }
  }

  async function open(): Promise<Tail> {
    try {
      const connection = messaging.require();
      const { stream } = topology;
      const state = await requireStream(connection, stream);
      const reader = await openStreamReader(connection, {
        stream,
        after: state.lastSequence,
        created: state.created,
        pageSize: MOST_PER_PAGE,
      });
      const tail: Tail = { reader, listeners: new Set(), position: state.lastSequence, isOver: false };
      const reading = read(tail).finally(() => readings.delete(reading));
      readings.add(reading);
      return tail;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  }

  async function read(tail: Tail): Promise<void> {
    // The reader would wait for NATS to come back; who listens is better told at once that nothing comes.
    const watch = setInterval(() => {
      if (!messaging.current) fail(tail, new Error('NATS is out of reach'));
    }, LOOK_EVERY_MS);
    try {
      do {
        const { messages } = await tail.reader.next();
        for (const message of messages) pass(tail, message);
      } while (tail.listeners.size > 0);
      end(tail, new NotListeningError('nobody listens'));
    } catch (error) {
      fail(tail, error);
    } finally {
      clearInterval(watch);
    }
    await tail.reader.close();
  }

  function fail(tail: Tail, error: unknown): void {
    if (end(tail, new NotListeningError('the stream cannot be read on', { cause: error }))) onFailure(error);
  }

  /** @returns false when it had ended before */
  function end(tail: Tail, reason: Error): boolean {
    if (tail.isOver) return false;
    tail.isOver = true;
    opening = undefined;
    for (const { queue } of tail.listeners) queue.end(reason);
    tail.listeners.clear();
    return true;
  }
}

function pass(tail: Tail, message: StreamMessage): void {
  tail.position = message.streamSequence;
  const subject = message.subject.split('.');
  for (const { wants, queue } of tail.listeners) if (wants(subject)) queue.push(message);
}

/** Whether a subject, by its tokens, is one of these. */
function matcherOf(subjects: readonly string[] | undefined): Listener['wants'] {
  if (!subjects) return () => true;
  const filters = subjects.map((subject) => subject.split('.'));
  return (tokens) =>
    filters.some(
      (filter) =>
        filter.length === tokens.length &&
        filter.every((token, index) => token === '*' || token === tokens[index]),
    );
}
