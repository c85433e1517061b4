import { PARTITIONS, type Topology } from '../../domain/topology.ts';
import { followApplied, type HeardApplied } from '../../messaging/applied.ts';
import type { Messaging } from '../../messaging/connection.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';

/** What may look different from now on. */
interface ViewChange {
  /** null: any order. */
  readonly orderIds: readonly string[] | null;
  readonly products: boolean;
}

/** What the projectors tell about the views, so that they need not be asked for it. */
export interface AppliedViews {
  /**
   * All that was committed before this time is in the views, and each change since this process listens was told to
   * `onChange`. Undefined while a partition was not heard for a moment, or its projector does not know.
   */
  asOf(): Date | undefined;
  /** Called before `asOf` says a time at which the change is in the views. */
  onChange(listener: (change: ViewChange) => void): void;
  close(): void;
}

interface Deps {
  readonly messaging: Pick<Messaging, 'firstConnection'>;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Projectors speak every 250 ms; who has not been heard for this long may have been replaced by one who was not. */
const HEARD_WITHIN_MS = 1_000;

interface Heard {
  /** Process and lease. */
  readonly writer: string;
  /** ms since the epoch; undefined where it does not know. */
  readonly asOf: number | undefined;
  readonly at: number;
}

/**
 * Listens to what projectors announce. Where an announcement was missed – its number is not the next – or a partition
 * has changed hands, anything may have changed unheard. Not for a replica that lags behind what is announced.
 */
export function followAppliedViews({ messaging, topology, clock, logger }: Deps): AppliedViews {
  const partitions = Array.from<Heard | undefined>({ length: PARTITIONS });
  const numbers = new Map<string, number>();
  const listeners: ((change: ViewChange) => void)[] = [];
  let subscription: { close(): void } | undefined;
  let isClosed = false;

  const tell = (change: ViewChange): void => {
    for (const listener of listeners) listener(change);
  };
  const forgetAll = (): void => {
    partitions.fill(undefined);
    numbers.clear();
    tell({ orderIds: null, products: true });
  };

  function hear({ source, number, writers, asOf, orderIds, products }: HeardApplied): void {
    const before = numbers.get(source);
    if (before !== undefined && number !== before + 1) forgetAll();
    numbers.set(source, number);
    const heard = writers.map(({ partition, epoch }) => ({ partition, writer: `${source} ${epoch}` }));
    const isOther = heard.some(({ partition, writer }) => partitions[partition]?.writer !== writer);
    // The partition's last writer may have written what it could not tell any more.
    if (isOther) tell({ orderIds: null, products: true });
    else if (orderIds === null || orderIds.length > 0 || products) tell({ orderIds, products });
    const at = clock.now().getTime();
    for (const { partition, writer } of heard) partitions[partition] = { writer, asOf: asOf?.getTime(), at };
  }

  void messaging.firstConnection.then((connection) => {
    if (isClosed) return;
    subscription = followApplied(connection, topology, hear, (error) => {
      logger.warn(
        { err: error },
        'what a projector announces cannot be read; all copies of views are forgotten',
      );
      forgetAll();
    });
  });

  return {
    asOf: () => {
      const since = clock.now().getTime() - HEARD_WITHIN_MS;
      const times = partitions.map((heard) => (heard && heard.at > since ? heard.asOf : undefined));
      const oldest = Math.min(...times.map((time) => time ?? Number.NaN));
      return Number.isNaN(oldest) ? undefined : new Date(oldest);
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
    close: () => {
      isClosed = true;
      subscription?.close();
    },
  };
}

/** Where no NATS tells anything: the database is asked, and no copies are kept. */
export const nothingHeard: AppliedViews = {
  asOf: () => undefined,
  onChange: () => undefined,
  close: () => undefined,
};
