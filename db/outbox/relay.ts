import type { Knex } from 'knex';
import { claimShard, recordPage, rewindTo, type Claim, type Cursor } from './cursor.ts';
import { FencedError, OutboxRefusedError } from './errors.ts';
import { openWindow, readPage, type OutboxRow } from './window.ts';

/** One stream, told from an earlier one of the same name by when it was created. */
export interface StreamPosition {
  readonly created: string;
  readonly lastSequence: number;
}

/** Where the relay publishes to. */
export interface Publisher {
  /**
   * Publishes all rows durably and in this order, or throws; what was published before may be published again.
   * @returns the position of the last row's message.
   */
  publish(rows: readonly OutboxRow[]): Promise<StreamPosition>;
  /** Asks where the stream is now; makes the stream when it is missing. */
  position(): Promise<StreamPosition>;
  /** What `position` and `publish` last found out. */
  readonly lastPosition: StreamPosition | undefined;
}

/** What a relay tells whoever watches it. */
export interface RelayObserver {
  claimed(shard: number, epoch: string): void;
  published(shard: number, rows: readonly OutboxRow[], seconds: number): void;
  /** All that was committed before `asOf` is published, and lies in the stream at or before the position. */
  caughtUp(shard: number, asOf: Date, position: StreamPosition): void;
  /** The stream lost messages; they are published again. */
  rewound(shard: number, to: Cursor): void;
  /** Something did not answer; tried again after `delayMs`. */
  failed(shard: number, error: unknown, delayMs: number): void;
}

export interface RelayOptions {
  readonly db: Knex;
  readonly schema: string;
  readonly shard: number;
  /** Who this relay is, for people who look at the cursor. */
  readonly owner: string;
  readonly publisher: Publisher;
  /** Resolves when there may be something to publish, at the latest after `timeoutMs`, or when aborted. */
  readonly wakeUp: (timeoutMs: number, signal: AbortSignal) => Promise<void>;
  readonly observer: RelayObserver;
  /** Rows per page; at most 1000, JetStream's limit for one atomic batch. */
  readonly pageSize?: number;
}

const IDLE_POLL_MIN_MS = 10;
const IDLE_POLL_MAX_MS = 500;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;
/** How often a relay looks whether the stream still holds what was published. */
const STREAM_CHECK_MS = 10_000;

/**
 * Publishes a shard's outbox rows, in order per aggregate, none left out. Publishing and moving the cursor are
 * two systems: a crash in between publishes a page again, and consumers see repeats by event id and version.
 * A relay that was paused and taken over can still publish the one page it had read; it can move nothing.
 */
export function createRelay(options: RelayOptions): { run(signal: AbortSignal): Promise<void> } {
  const { db, schema, shard, owner, publisher, wakeUp, observer, pageSize = 500 } = options;

  return {
    /**
     * Runs until aborted; a page under way is finished first.
     * @throws FencedError when another relay takes the shard over, OutboxRefusedError when a person has to decide.
     */
    run: async (signal) => {
      let retryMs = RETRY_MIN_MS;
      while (!signal.aborted) {
        try {
          await relay(signal, () => {
            retryMs = RETRY_MIN_MS;
          });
        } catch (error) {
          if (error instanceof FencedError || error instanceof OutboxRefusedError) throw error;
          observer.failed(shard, error, retryMs);
          await wakeUp(retryMs, signal);
          retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
        }
      }
    },
  };

  /** One claim of the shard, from the stored cursor on, until aborted or something fails. */
  async function relay(signal: AbortSignal, onProgress: () => void): Promise<void> {
    const claimed = await claimShard(db, { schema, shard, owner });
    const { claim } = claimed;
    observer.claimed(shard, claim.epoch);
    let cursor = (await rewindIfLost(claim)) ?? claimed.cursor;
    let checkedAt = Date.now();
    let idleMs = IDLE_POLL_MIN_MS;
    let openedAt: Date | undefined;

    while (!signal.aborted) {
      if (Date.now() - checkedAt > STREAM_CHECK_MS) {
        cursor = (await rewindIfLost(claim)) ?? cursor;
        checkedAt = Date.now();
      }
      // Taken before the snapshot: whatever was committed by then is in it.
      if (!cursor.window) openedAt = new Date();
      const window = cursor.window ?? (await findWindow(claim, cursor.from));
      if (typeof window === 'string') {
        cursor = { from: window };
        tellCaughtUp(openedAt);
        await wakeUp(idleMs, signal);
        idleMs = Math.min(idleMs * 2, IDLE_POLL_MAX_MS);
        continue;
      }
      cursor = await publishPage(claim, { from: cursor.from, window });
      if (!cursor.window) tellCaughtUp(openedAt);
      idleMs = IDLE_POLL_MIN_MS;
      onProgress();
    }
  }

  /** @returns a window with something in it, or the snapshot up to which there is nothing. */
  async function findWindow(claim: Claim, from: string): Promise<Required<Cursor>['window'] | string> {
    const { to, lastSeq } = await openWindow(db, claim, from);
    return lastSeq === undefined ? to : { to, lastSeq };
  }

  /** Publishes the next page of the window under way. @returns where to go on. */
  async function publishPage(claim: Claim, cursor: Required<Cursor>): Promise<Cursor> {
    const { from, window } = cursor;
    const rows = await readPage(db, claim, cursor, pageSize);
    const [first, last] = [rows[0], rows.at(-1)];
    if (!first || !last) return { from: window.to };
    const startedAt = performance.now();
    const position = await publisher.publish(rows);
    observer.published(shard, rows, (performance.now() - startedAt) / 1000);
    await recordPage(db, claim, {
      from,
      to: window.to,
      firstSeq: first.seq,
      lastSeq: last.seq,
      rowCount: rows.length,
      streamCreated: position.created,
      streamSequence: position.lastSequence,
    });
    return rows.length < pageSize
      ? { from: window.to }
      : { from, window: { to: window.to, lastSeq: last.seq } };
  }

  function tellCaughtUp(asOf: Date | undefined): void {
    if (asOf && publisher.lastPosition) observer.caughtUp(shard, asOf, publisher.lastPosition);
  }

  async function rewindIfLost(claim: Claim): Promise<Cursor | undefined> {
    const cursor = await rewindTo(db, claim, await publisher.position());
    if (cursor) observer.rewound(shard, cursor);
    return cursor;
  }
}
