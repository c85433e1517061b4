import type { Topology } from '../../domain/topology.ts';
import type { Messaging } from '../../messaging/connection.ts';
import { followOrder } from '../../messaging/order-events.ts';
import type { Logger } from '../../platform/logger.ts';
import { laterOf, stateAfter, type OrderState } from './order-state.ts';

/** A request that waits for what becomes of an order. */
export interface OrderWait {
  /** The latest that is known. */
  readonly state: OrderState;
  /** Takes in what was found out otherwise. */
  learn(state: OrderState): void;
  /** Resolves when the order has come to that end, the time is up, or the signal or the process ends the wait. */
  until(isEnd: (state: OrderState) => boolean, ms: number, signal: AbortSignal): Promise<void>;
  /** Listens no more. */
  stop(): void;
}

/** Requests that wait. */
export interface OrderWaits {
  /** The longest that one may, in seconds. */
  readonly maxSeconds: number;
  /** How many wait now. */
  readonly waiting: number;
  /**
   * Begins to listen; call it before the command whose outcome is waited for is given.
   * @returns undefined when nobody can wait now: NATS is out of reach, too many wait already, or the process ends
   */
  begin(known: OrderState): Promise<OrderWait | undefined>;
  /** Ends all of them, and lets none begin. */
  close(): void;
}

interface Deps {
  readonly messaging: Pick<Messaging, 'current'>;
  readonly topology: Topology;
  readonly logger: Logger;
  readonly maxSeconds: number;
  readonly capacity: number;
}

/** Told by the orders' events as the relay publishes them, so that no database is asked again and again. */
export function createOrderWaits({ messaging, topology, logger, maxSeconds, capacity }: Deps): OrderWaits {
  /** How the waits that are under way are ended. */
  const unfinished = new Set<() => void>();
  let isClosed = false;
  let waiting = 0;

  async function listen(
    connection: NonNullable<Messaging['current']>,
    known: OrderState,
  ): Promise<OrderWait> {
    const { id } = known;
    let state = known;
    let onLearned: (() => void) | undefined;
    const learn = (learned: OrderState): void => {
      state = laterOf(state, learned);
      onLearned?.();
    };
    const events = await followOrder(
      connection,
      topology,
      id,
      (event) => {
        learn(stateAfter(state, event));
      },
      (error) => {
        logger.warn({ err: error, orderId: id }, 'an event that somebody waits for cannot be read');
      },
    );
    return {
      get state() {
        return state;
      },
      learn,
      until: (isEnd, ms, signal) =>
        new Promise((resolve) => {
          const finish = (): void => {
            clearTimeout(timer);
            signal.removeEventListener('abort', finish);
            unfinished.delete(finish);
            onLearned = undefined;
            resolve();
          };
          const timer = setTimeout(finish, ms);
          signal.addEventListener('abort', finish);
          unfinished.add(finish);
          onLearned = () => {
            if (isEnd(state) || signal.aborted || isClosed) finish();
          };
          onLearned();
        }),
      stop: () => {
        events.stop();
        waiting -= 1;
      },
    };
  }

  return {
    maxSeconds,
    get waiting() {
      return waiting;
    },
    begin: async (known) => {
      const connection = messaging.current;
      if (!connection || waiting >= capacity || isClosed) return undefined;
      waiting += 1;
      try {
        return await listen(connection, known);
      } catch (error) {
        waiting -= 1;
        logger.warn({ err: error, orderId: known.id }, 'nobody can wait for an order now');
        return undefined;
      }
    },
    close: () => {
      isClosed = true;
      for (const finish of unfinished) finish();
    },
  };
}

/** Where there is no NATS to tell what becomes of an order. */
export const nobodyWaits: OrderWaits = {
  maxSeconds: 0,
  waiting: 0,
  begin: () => Promise.resolve(undefined),
  close: () => undefined,
};
