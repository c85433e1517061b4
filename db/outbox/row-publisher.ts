import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from 'knex';
import type { Claim } from './cursor.ts';
import { RowsRefusedError } from './errors.ts';
import {
  aggregateOf,
  beginAttempt,
  blockedAggregates,
  endAttempt,
  readRetries,
  settle,
  type Attempts,
} from './parking.ts';
import type { Publisher, RelayObserver, StreamPosition } from './ports.ts';
import type { OutboxRow, PageRow, Parked } from './rows.ts';

interface Deps {
  readonly db: Knex;
  readonly claim: Claim;
  readonly publisher: Publisher;
  readonly observer: RelayObserver;
}

export interface PublishedRows {
  readonly position: StreamPosition;
  readonly parked: readonly Parked[];
}

/** A page of which a part may have been sent already. */
export interface StagedPage {
  readonly page: readonly PageRow[];
  /** Publishes the rest. Absent when nothing was sent. */
  readonly publish?: () => Promise<StreamPosition>;
}

export interface RowPublisher {
  /** Learns again which aggregates wait for a parked row. What was published before must be recorded. */
  reload(): Promise<void>;
  /** Prepares to publish a page while the one in front of it is on its way. */
  readonly stage: (page: readonly PageRow[]) => StagedPage;
  /**
   * Publishes what of a page may be published, and says what is parked instead.
   * @param isSuspect row by row, each attempt written down first, because something in it may end the process
   */
  publish(staged: StagedPage, isSuspect: boolean): Promise<PublishedRows>;
  /** Whether rows of some aggregate are parked. */
  readonly hasParked: boolean;
  /** Publishes parked rows whose turn has come. What was published before must be recorded. */
  retryParked(): Promise<void>;
}

/** Attempts that a row is refused in, and that it may end the process in. */
const MOST_ATTEMPTS = 3;
/** Doubled after each refusal, in ms. */
const PAUSE_MS = 50;
const RETRY_PAGE = 100;

/** Publishes the rows of one claimed shard; what cannot be published is parked, in the order of each aggregate. */
export function createRowPublisher({ db, claim, publisher, observer }: Deps): RowPublisher {
  let blocked = new Set<string>();

  return {
    reload: async () => {
      blocked = await blockedAggregates(db, claim);
    },

    stage: (page) => {
      const isWhole = blocked.size === 0 && page.every(({ parked }) => parked === null);
      return isWhole && publisher.stage ? { page, publish: publisher.stage(page) } : { page };
    },

    publish: async ({ page, publish }, isSuspect) => {
      const parked: Parked[] = [];
      const free = page.filter((row) => isFree(row, parked));
      if (isSuspect) return publishOneByOne(free, parked);
      try {
        // A row in front of it may have been parked since it was staged.
        return {
          position: await publishAll(free, free.length === page.length ? publish : undefined),
          parked,
        };
      } catch (error) {
        if (!(error instanceof RowsRefusedError)) throw error;
        return publishOneByOne(free, parked);
      }
    },

    get hasParked() {
      return blocked.size > 0;
    },

    retryParked: async () => {
      const refused = new Set<string>();
      for (const row of await readRetries(db, claim, RETRY_PAGE)) {
        if (refused.has(aggregateOf(row))) continue;
        const outcome = await tryRow(row, 1);
        if ('cause' in outcome) {
          refused.add(aggregateOf(row));
          observer.parked(claim.shard, row, outcome.cause);
        }
        await settle(db, claim, row, outcome);
      }
      blocked = await blockedAggregates(db, claim);
    },
  };

  /** Whether a row is published with its page; one whose aggregate waits is parked behind. */
  function isFree(row: PageRow, parked: Parked[]): boolean {
    if (row.parked !== null) return row.parked === 'PUBLISHED';
    if (!blocked.has(aggregateOf(row))) return true;
    parked.push({ seq: row.seq, state: 'BEHIND' });
    return false;
  }

  async function publishAll(
    rows: readonly OutboxRow[],
    publish = () => publisher.publish(rows),
  ): Promise<StreamPosition> {
    if (rows.length === 0) return publisher.lastPosition ?? publisher.position();
    const startedAt = performance.now();
    const position = await publish();
    observer.published(claim.shard, rows, (performance.now() - startedAt) / 1000);
    return position;
  }

  async function publishOneByOne(rows: readonly PageRow[], parked: Parked[]): Promise<PublishedRows> {
    let position = publisher.lastPosition ?? (await publisher.position());
    for (const row of rows) {
      if (!isFree(row, parked)) continue;
      const outcome = await tryRow(row, MOST_ATTEMPTS);
      if ('cause' in outcome) {
        parked.push({ seq: row.seq, state: 'PARKED', cause: outcome.cause });
        blocked.add(aggregateOf(row));
        observer.parked(claim.shard, row, outcome.cause);
      } else position = outcome;
    }
    return { position, parked };
  }

  /** @returns where it lies in the stream, or why it cannot be published. @throws what may pass by itself */
  async function tryRow(row: OutboxRow, mostRefusals: number): Promise<StreamPosition | { cause: string }> {
    for (let refusals = 1; ; refusals++) {
      const attempts = await beginAttempt(db, claim, row);
      if (endsTheProcess(attempts)) {
        await endAttempt(db, claim, row, 'FAILED');
        return { cause: `the relay ended ${MOST_ATTEMPTS} times while it published this row` };
      }
      try {
        const position = await publishAll([row]);
        await endAttempt(db, claim, row, 'PUBLISHED');
        return position;
      } catch (error) {
        const isRefused = error instanceof RowsRefusedError;
        await endAttempt(db, claim, row, isRefused ? 'REFUSED' : 'FAILED');
        if (!isRefused) throw error;
        if (refusals >= mostRefusals) return { cause: error.message };
      }
      await pause(PAUSE_MS * 2 ** (refusals - 1));
    }
  }
}

const endsTheProcess = ({ started, finished }: Attempts): boolean => started - 1 - finished >= MOST_ATTEMPTS;
