import type { Topology } from '../domain/topology.ts';
import { QueueOverflowError } from './bounded-queue.ts';
import type { Messaging } from './connection.ts';
import { createLiveTail, type Listening } from './live-tail.ts';
import { requireStream, type StreamMessage } from './stream-reader.ts';
import { scanStream } from './stream-scan.ts';
import type { StreamState } from './stream.ts';

interface FollowOptions {
  /** With `*` for any token; absent: all. */
  readonly subjects?: readonly string[];
  /** Behind which sequence it begins, by which stream it is and how far that is. */
  readonly after: (stream: StreamState) => number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

interface Followed {
  readonly created: string;
  /**
   * Each message once, in order: what the stream holds, and then what comes, without end. Taken as slowly as the reader
   * likes: what comes meanwhile is not kept for it but read from the stream again.
   * @throws Error when NATS is lost or the stream is replaced; aborted, it ends or throws
   */
  readonly messages: AsyncIterable<StreamMessage>;
}

/** Follows the stream for many at the same time. */
export interface StreamFollower {
  /** @throws Error while NATS is out of reach, or there is no stream yet */
  follow(options: FollowOptions): Promise<Followed>;
  /** Ends all that is followed. */
  close(): Promise<void>;
}

interface Deps {
  readonly messaging: Messaging;
  readonly topology: Pick<Topology, 'stream'>;
  /** Messages that come while a reader is busy; beyond it they are read from the stream again. */
  readonly queueCapacity?: number;
  readonly onFailure: (error: unknown) => void;
}

/** Memory of a reader who does not read: these, of some 1 KB, shared by all who wait for them. */
const QUEUE_CAPACITY = 256;
const PAGE_SIZE = 100;

/**
 * What is to come is read once for the whole process; a consumer of its own is made for a reader only to read what
 * is there already. So a thousand who wait cost the server one consumer.
 */
export function createStreamFollower(deps: Deps): StreamFollower {
  const { messaging, topology, onFailure, queueCapacity = QUEUE_CAPACITY } = deps;
  const { stream } = topology;
  const tail = createLiveTail({ messaging, topology, queueCapacity, onFailure });
  return {
    follow: async ({ subjects, after, signal }) => {
      const connection = messaging.require();
      const state = await requireStream(connection, stream);
      const listening = await listen(state.created, subjects, signal);
      return { created: state.created, messages: messagesFrom(listening, after(state), subjects, signal) };
    },
    close: () => tail.close(),
  };

  async function* messagesFrom(
    first: Listening,
    after: number,
    subjects: readonly string[] | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<StreamMessage, void, undefined> {
    let last = after;
    // Listening begins before the past is read, so that nothing falls between the two.
    for (let listening = first; ; listening = await listen(first.created, subjects, signal)) {
      try {
        const past =
          last < listening.after
            ? scanStream(messaging.require(), {
                stream,
                created: first.created,
                subjects,
                after: last,
                pageSize: PAGE_SIZE,
              })
            : [];
        for await (const page of past)
          for (const message of page) {
            last = message.streamSequence;
            yield message;
            if (signal.aborted) return;
          }
        while (!signal.aborted) {
          const message = await listening.next();
          if (message.streamSequence <= last) continue; // it was there already when the past was read
          last = message.streamSequence;
          yield message;
        }
        return;
      } catch (error) {
        if (!(error instanceof QueueOverflowError)) throw error;
      } finally {
        listening.leave();
      }
    }
  }

  /** Also one whose messages nobody ever takes leaves with the signal. */
  async function listen(
    created: string,
    subjects: readonly string[] | undefined,
    signal: AbortSignal,
  ): Promise<Listening> {
    const listening = await tail.join(subjects);
    const leave = (): void => {
      signal.removeEventListener('abort', leave);
      listening.leave();
    };
    signal.addEventListener('abort', leave);
    if (signal.aborted) leave();
    if (listening.created === created) return { ...listening, leave };
    leave();
    throw new Error(`stream ${stream} was replaced`);
  }
}
