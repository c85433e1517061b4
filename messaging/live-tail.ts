import type { Topology } from '../domain/topology.ts';
import { BoundedQueue } from './bounded-queue.ts';
import type { Messaging } from './connection.ts';
import {
  openStreamReader,
  StreamMissingError,
  type StreamMessage,
  type StreamReader,
} from './stream-reader.ts';
import { streamState } from './stream.ts';

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

export class NotListeningError extends Error {
  override readonly name = 'NotListeningError';
}

export function createLiveTail({ messaging, topology, queueCapacity, onFailure }: Deps): LiveTail {
  let opening: Promise<Tail> | undefined;
  let reading: Promise<void> = Promise.resolve();
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
        endAll(tail, new NotListeningError('the process ends'));
        await tail.reader.close(); // else it would wait for its next message
      }
      await reading;
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
      const state = await streamState(connection, stream);
      if (!state) throw new StreamMissingError(`there is no stream ${stream} yet; the worker makes it`);
      const reader = await openStreamReader(connection, {
        stream,
        after: state.lastSequence,
        created: state.created,
        pageSize: MOST_PER_PAGE,
      });
      const tail: Tail = { reader, listeners: new Set(), position: state.lastSequence, isOver: false };
      reading = read(tail);
      return tail;
    } catch (error) {
      opening = undefined;
      throw error;
    }
  }

  async function read(tail: Tail): Promise<void> {
    let reason: Error = new NotListeningError('nobody listens');
    try {
      do {
        const { messages } = await tail.reader.next();
        // The reader would wait for NATS to come back; who listens is better told that nothing comes.
        messaging.require();
        for (const message of messages) pass(tail, message);
      } while (tail.listeners.size > 0 && !isClosed);
    } catch (error) {
      reason = new NotListeningError('the stream cannot be read on', { cause: error });
      if (!isClosed) onFailure(error);
    }
    tail.isOver = true;
    opening = undefined;
    endAll(tail, reason);
    await tail.reader.close();
  }
}

function pass(tail: Tail, message: StreamMessage): void {
  tail.position = message.streamSequence;
  const subject = message.subject.split('.');
  for (const { wants, queue } of tail.listeners) if (wants(subject)) queue.push(message);
}

function endAll({ listeners }: Tail, reason: Error): void {
  for (const { queue } of listeners) queue.end(reason);
  listeners.clear();
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
