import type { Knex } from '../../db/connection.ts';
import { findVersions, type OrderVersion } from '../../projections/queries/orders.ts';
import type { ReadPoint } from './read-token.ts';

/** Waits for orders to get into the views. */
export interface ViewWatch {
  /** Requests that wait now. */
  readonly waiting: number;
  /**
   * Looks at once, and then again and again until the views have got there or the time is up.
   * @param isVisible whether the reader may know of a customer's orders: others are as if they were not there
   * @returns whether the views have got there. @throws Error when the database does not answer
   */
  untilReached(
    points: readonly ReadPoint[],
    isVisible: (customerId: string) => boolean,
    limits: Limits,
  ): Promise<boolean>;
  /** Ends all waits, and lets none begin. */
  close(): void;
}

interface Limits {
  readonly ms: number;
  /** Aborted when nobody wants the answer any more. */
  readonly signal?: AbortSignal;
}

interface Deps {
  /** Database of the read tables. */
  readonly db: Knex;
  /** How many may wait; beyond it views are looked at once and not waited for. */
  readonly capacity: number;
  /** Between two looks, in ms. */
  readonly everyMs?: number;
}

interface Wait {
  readonly points: readonly ReadPoint[];
  learn(versions: ReadonlyMap<string, OrderVersion>): void;
  fail(error: unknown): void;
}

/**
 * One look at a time for all who wait, whoever they are: the database is asked as often for a hundred of them as for
 * one. Who comes while a look is under way is in the next one, which follows at once.
 */
export function createViewWatch({ db, capacity, everyMs = 25 }: Deps): ViewWatch {
  const waits = new Set<Wait>();
  /** How each is ended before its time. */
  const endings = new Set<() => void>();
  let isWatching = false;
  let isClosed = false;
  let arrivals = 0;
  let wake = (): void => undefined;

  return {
    get waiting() {
      return waits.size;
    },
    untilReached: (points, isVisible, { ms, signal }) =>
      new Promise<boolean>((resolve, reject) => {
        let hasLooked = false;
        let isOver = isClosed || signal?.aborted === true || ms <= 0 || waits.size >= capacity;
        const leave = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', end);
          waits.delete(wait);
          endings.delete(end);
        };
        // Views that are there already are never too late: nobody goes before the first look.
        const end = (): void => {
          isOver = true;
          if (!hasLooked) return;
          leave();
          resolve(false);
        };
        const wait: Wait = {
          points,
          learn: (versions) => {
            hasLooked = true;
            const isReached = points.every(({ orderId, version }) => {
              const found = versions.get(orderId);
              return found !== undefined && found.version >= version && isVisible(found.customerId);
            });
            if (!isReached && !isOver) return;
            leave();
            resolve(isReached);
          },
          fail: (error) => {
            leave();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        };
        const timer = setTimeout(end, ms);
        signal?.addEventListener('abort', end);
        waits.add(wait);
        endings.add(end);
        arrivals += 1;
        wake();
        if (!isWatching) void watch();
      }),
    close: () => {
      isClosed = true;
      for (const end of endings) end();
    },
  };

  async function watch(): Promise<void> {
    isWatching = true;
    while (waits.size > 0) {
      const before = arrivals;
      await look([...waits]);
      if (arrivals === before && waits.size > 0) await rest();
    }
    isWatching = false;
  }

  async function look(asking: readonly Wait[]): Promise<void> {
    try {
      const ids = new Set(asking.flatMap(({ points }) => points.map(({ orderId }) => orderId)));
      const versions = await findVersions(db, [...ids]);
      for (const wait of asking) wait.learn(versions);
    } catch (error) {
      for (const wait of asking) wait.fail(error);
    }
  }

  function rest(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, everyMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
