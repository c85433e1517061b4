import type { Knex } from 'knex';
import { clearAhead, createAheadCheck, noteAhead, type AheadCheck } from './ahead.ts';
import { claimShard, type Claim, type Cursor } from './cursor.ts';
import { DumpRestoredError, FencedError, OutboxRefusedError, StreamAheadError } from './errors.ts';
import { asItIs, createPages, type PreparedPage } from './pages.ts';
import type { Publisher, RelayObserver } from './ports.ts';
import { createRecorder } from './recorder.ts';
import { createRefusals } from './refusals.ts';
import { rewindIfLost } from './rewind.ts';
import { createRowPublisher } from './row-publisher.ts';

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
  /** Rows per page, by default `PAGE_SIZE`, which is also the most. */
  readonly pageSize?: number;
}

/** JetStream's limit for one atomic batch. */
export const PAGE_SIZE = 1_000;
const IDLE_POLL_MIN_MS = 10;
const IDLE_POLL_MAX_MS = 500;
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;
/** How often a relay looks whether the stream still holds what was published. */
const STREAM_CHECK_MS = 10_000;
/** How often it looks whether somebody has decided about a parked row, while there are some. */
const PARKED_CHECK_MS = 500;

/**
 * Publishes a shard's outbox rows, in order per aggregate, none left out. Publishing and moving the cursor are
 * two systems: a crash in between publishes a page again, and consumers see repeats by event id and version.
 * One page at a time is stored in the stream, because one behind another that fails would change the order; meanwhile
 * the next one is staged, the one behind it read, and the last one recorded. A relay that was paused and taken over can
 * still publish the two pages at hand; it can move nothing.
 */
export function createRelay(options: RelayOptions): { run(signal: AbortSignal): Promise<void> } {
  const { db, schema, shard, owner, publisher, wakeUp, observer, pageSize = PAGE_SIZE } = options;
  const refusals = createRefusals();

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
    const checkAhead = createAheadCheck(db, { schema, shard }, publisher);
    const claimed = await claim(checkAhead);
    const { claim: held } = claimed;
    observer.claimed(shard, held.epoch);
    await refuseIfAhead(checkAhead);
    await clearAhead(db, { schema, shard });
    let cursor = (await rewind(held)) ?? claimed.cursor;
    let isSuspect = claimed.isSuspect;
    const rows = createRowPublisher({ db, claim: held, publisher, observer, refusals });
    await rows.reload();
    const [isStreamDue, isParkedDue] = [every(STREAM_CHECK_MS), every(PARKED_CHECK_MS)];
    let idleMs = IDLE_POLL_MIN_MS;
    let openedAt: Date | undefined;
    // Whether the stream took the last page, or there was none to be taken.
    let isMoving = false;
    let ahead: Promise<string | PreparedPage> | undefined;
    const pages = createPages(db, held, pageSize);
    const recorder = createRecorder(db, held);

    try {
      while (!signal.aborted) {
        if (isStreamDue()) {
          await recorder.settled();
          await refuseIfAhead(checkAhead);
          const rewound = await rewind(held);
          if (rewound) [cursor, ahead] = [rewound, undefined];
          await rows.reload();
        }
        if (rows.hasParked && isParkedDue()) {
          await recorder.settled();
          await rows.retryParked(isMoving);
        }
        // Taken before the snapshot: whatever was committed by then is in it.
        if (!cursor.window) openedAt = new Date();
        const found = await (ahead ?? pages.next(cursor));
        ahead = undefined;
        if (typeof found === 'string') {
          isMoving = true;
          // The cursor stays, though all up to this snapshot is published. A snapshot that is stored nowhere may be ahead
          // of PostgreSQL after a crash: it gives the transaction ids of rollbacks out again.
          if (!rows.hasSetAside) tellCaughtUp(openedAt);
          await recorder.throwIfFailed();
          await wakeUp(idleMs, signal);
          idleMs = Math.min(idleMs * 2, IDLE_POLL_MAX_MS);
          continue;
        }
        const { present, staged, next, following } = found;
        // Beside a suspect page nothing else is touched: what ends the process would be taken for a row of it.
        ahead = following?.(isSuspect ? asItIs : rows.stage);
        const published = await rows.publish(staged, isSuspect);
        await recorder.record(present, staged.page, published);
        [isSuspect, isMoving] = [false, true];
        cursor = next;
        if (!cursor.window && !rows.hasSetAside) tellCaughtUp(openedAt);
        idleMs = IDLE_POLL_MIN_MS;
        onProgress();
      }
    } finally {
      await recorder.settled();
    }
  }

  function tellCaughtUp(asOf: Date | undefined): void {
    if (asOf && publisher.lastPosition) observer.caughtUp(shard, asOf, publisher.lastPosition);
  }

  /** A dump that is behind the stream needs other steps than one of which the stream knows no more. */
  async function claim(checkAhead: AheadCheck): ReturnType<typeof claimShard> {
    try {
      return await claimShard(db, { schema, shard, owner });
    } catch (error) {
      if (error instanceof DumpRestoredError) await refuseIfAhead(checkAhead);
      throw error;
    }
  }

  /** Publishing would give versions to events that consumers have seen with other events. @throws StreamAheadError */
  async function refuseIfAhead(checkAhead: AheadCheck): Promise<void> {
    const ahead = await checkAhead();
    if (!ahead) return;
    await noteAhead(db, { schema, shard }, ahead);
    observer.streamAhead(shard, ahead);
    throw new StreamAheadError(
      `shard ${shard}: the stream is ahead of the database: event ${ahead.id} (sequence ${ahead.sequence}) has no row ` +
        'in the outbox, so this database was set back to an older copy. Nothing is published until an operator decides',
    );
  }

  async function rewind(claim: Claim): Promise<Cursor | undefined> {
    const cursor = await rewindIfLost(db, claim, publisher);
    if (cursor) observer.rewound(shard, cursor);
    return cursor;
  }
}

/** @returns what says, once in so many milliseconds, that it is time */
function every(ms: number): () => boolean {
  let last = Date.now();
  return () => {
    if (Date.now() - last < ms) return false;
    last = Date.now();
    return true;
  };
}
