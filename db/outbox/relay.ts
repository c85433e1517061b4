import type { Knex } from 'knex';
import { claimShard, recordPage, type Claim, type Cursor } from './cursor.ts';
import { FencedError, OutboxRefusedError } from './errors.ts';
import type { Publisher, RelayObserver } from './ports.ts';
import { rewindIfLost } from './rewind.ts';
import { createRowPublisher, type PublishedRows } from './row-publisher.ts';
import type { PageRow } from './rows.ts';
import { presentWindow, readPage } from './window.ts';

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
    let cursor = (await rewind(claim)) ?? claimed.cursor;
    let isSuspect = claimed.isSuspect;
    const rows = createRowPublisher({ db, claim, publisher, observer });
    await rows.reload();
    let checkedAt = Date.now();
    let idleMs = IDLE_POLL_MIN_MS;
    let openedAt: Date | undefined;
    let ahead: Promise<PageRow[]> | undefined;

    while (!signal.aborted) {
      if (Date.now() - checkedAt > STREAM_CHECK_MS) {
        const rewound = await rewind(claim);
        if (rewound) [cursor, ahead] = [rewound, undefined];
        await rows.reload();
        checkedAt = Date.now();
      }
      await rows.retryParked();
      // Taken before the snapshot: whatever was committed by then is in it.
      if (!cursor.window) openedAt = new Date();
      const window = await presentWindow(db, claim, cursor);
      if (typeof window === 'string') {
        // The cursor stays, though all up to this snapshot is published. A snapshot that is stored nowhere may be ahead
        // of PostgreSQL after a crash: it gives the transaction ids of rollbacks out again.
        tellCaughtUp(openedAt);
        await wakeUp(idleMs, signal);
        idleMs = Math.min(idleMs * 2, IDLE_POLL_MAX_MS);
        continue;
      }
      const page = await (ahead ?? readPage(db, claim, { from: cursor.from, window }, pageSize));
      const next = afterPage({ from: cursor.from, window }, page);
      ahead = next.window && readAhead(claim, { from: next.from, window: next.window });
      await publishPage(claim, { from: cursor.from, window }, page, (of) => rows.publish(of, isSuspect));
      isSuspect = false;
      cursor = next;
      if (!cursor.window) tellCaughtUp(openedAt);
      idleMs = IDLE_POLL_MIN_MS;
      onProgress();
    }
  }

  /** Where to go on when a page of a window is published. */
  function afterPage({ from, window }: Required<Cursor>, page: readonly PageRow[]): Cursor {
    const last = page.at(-1);
    return last && page.length === pageSize
      ? { from, window: { ...window, lastSeq: last.seq } }
      : { from: window.to };
  }

  /** Reads the next page while the present one is published. */
  function readAhead(claim: Claim, cursor: Required<Cursor>): Promise<PageRow[]> {
    const reading = readPage(db, claim, cursor, pageSize);
    // Thrown where it is awaited; should the present page fail, it is not, and the page is read again.
    reading.catch(() => undefined);
    return reading;
  }

  /** Publishes a page of the window under way, and moves the cursor past it. */
  async function publishPage(
    claim: Claim,
    { from, window }: Required<Cursor>,
    page: readonly PageRow[],
    publish: (page: readonly PageRow[]) => Promise<PublishedRows>,
  ): Promise<void> {
    const [first, last] = [page[0], page.at(-1)];
    if (!first || !last) return;
    const { position, parked } = await publish(page);
    await recordPage(db, claim, {
      from,
      to: window.to,
      firstSeq: first.seq,
      lastSeq: last.seq,
      rowCount: page.length,
      streamCreated: position.created,
      streamSequence: position.lastSequence,
      parked,
    });
  }

  function tellCaughtUp(asOf: Date | undefined): void {
    if (asOf && publisher.lastPosition) observer.caughtUp(shard, asOf, publisher.lastPosition);
  }

  async function rewind(claim: Claim): Promise<Cursor | undefined> {
    const cursor = await rewindIfLost(db, claim, publisher);
    if (cursor) observer.rewound(shard, cursor);
    return cursor;
  }
}
