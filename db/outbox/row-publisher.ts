import type { Knex } from 'knex';
import type { Claim } from './cursor.ts';
import { RowsRefusedError, StreamRefusedError } from './errors.ts';
import {
  aggregateOf,
  blockedAggregates,
  forgetAttempts,
  hasSetAside,
  readRetries,
  settle,
} from './parking.ts';
import type { Publisher, RelayObserver, StreamPosition } from './ports.ts';
import type { Refusals } from './refusals.ts';
import type { OutboxRow, PageRow, Parked } from './rows.ts';
import { tryRow, type Outcome, type Refused } from './try-row.ts';

interface Deps {
  readonly db: Knex;
  readonly claim: Claim;
  readonly publisher: Publisher;
  readonly observer: RelayObserver;
  readonly refusals: Refusals;
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
  /** Whether there are rows before the cursor that the relay tries again by itself. */
  readonly hasSetAside: boolean;
  /**
   * Publishes parked rows whose turn has come. What was published before must be recorded.
   * @param isMoving whether the stream took the last page, or there was none: only then is a row parked for being refused
   * for long
   */
  retryParked(isMoving: boolean): Promise<void>;
}

interface RefusedRow extends Refused {
  readonly row: OutboxRow;
}

/** Attempts in which a row is refused that is known to be at fault. */
const MOST_ATTEMPTS = 3;
const RETRY_PAGE = 100;
/** Rows of different aggregates that are tried while the stream takes none, before it counts as refusing all. */
const MOST_TRIED = 10;
/** Times that all rows of a page are refused before the pages behind it are let tell whether it is these rows. */
const MOST_ROUNDS = 10;
/**
 * Refusals after which a row is parked though nothing passes beside it by which it could be judged. It is tried every
 * 0.5 to 1 s, so this takes 5 to 10 minutes.
 */
const MOST_REFUSALS_ALONE = 600;

/** Publishes the rows of one claimed shard; what cannot be published is parked, in the order of each aggregate. */
export function createRowPublisher(deps: Deps): RowPublisher {
  const { db, claim, publisher, observer, refusals } = deps;
  let blocked = new Set<string>();
  let isAnySetAside = false;

  async function reload(): Promise<void> {
    blocked = await blockedAggregates(db, claim);
    isAnySetAside = blocked.size > 0 && (await hasSetAside(db, claim));
  }

  return {
    reload,

    stage: (page) => {
      const isWhole = blocked.size === 0 && page.every(({ parked }) => parked === null);
      return isWhole && publisher.stage ? { page, publish: publisher.stage(page) } : { page };
    },

    publish: async ({ page, publish }, isSuspect) => {
      const parked: Parked[] = [];
      const free = page.filter((row) => isFree(row, parked));
      if (isSuspect) return publishOneByOne(fromAnywhere(free), parked);
      try {
        // A row in front of it may have been parked since it was staged.
        return {
          position: await publishAll(free, free.length === page.length ? publish : undefined),
          parked,
        };
      } catch (error) {
        if (error instanceof RowsRefusedError) return publishOneByOne(free, parked);
        if (error instanceof StreamRefusedError && error.mayBeOneRow)
          return publishOneByOne(fromAnywhere(free), parked);
        throw error;
      }
    },

    get hasParked() {
      return blocked.size > 0;
    },

    get hasSetAside() {
      return isAnySetAside;
    },

    retryParked: async (isMoving) => {
      const refused = new Set<string>();
      const waiting: RefusedRow[] = [];
      let isAnyTaken = false;
      for (const row of await readRetries(db, claim, RETRY_PAGE)) {
        if (refused.has(aggregateOf(row))) continue;
        const outcome = withJudgement(row, await tryRow({ db, claim, publish: publishAll }, row, 1));
        if (!('created' in outcome)) refused.add(aggregateOf(row));
        if ('refusal' in outcome) {
          if (!isAnyTaken && refused.size >= MOST_TRIED) throw outcome.refusal;
          waiting.push({ row, ...outcome });
          continue; // tried again next time
        }
        if ('cause' in outcome) observer.parked(claim.shard, row, outcome.cause);
        else isAnyTaken = true;
        await settle(db, claim, row, outcome);
      }
      if (isMoving) await parkLongRefused(waiting);
      await reload();
    },
  };

  /** A row that the stream keeps refusing while it takes others is at fault, whatever the refusal says. */
  function withJudgement(row: OutboxRow, outcome: Outcome): Outcome {
    return 'refusal' in outcome && refusals.isAtFault(row) ? { cause: outcome.refusal.message } : outcome;
  }

  /**
   * A row without neighbours would be tried for ever, unseen. Parks one at a time and counts the others anew, so that a
   * stream that refuses all of a quiet shard does not have all of its rows parked.
   */
  async function parkLongRefused(waiting: readonly RefusedRow[]): Promise<void> {
    const long = waiting.find(({ times }) => times >= MOST_REFUSALS_ALONE);
    if (!long) return;
    const { row, refusal } = long;
    await settle(db, claim, row, { cause: refusal.message });
    observer.parked(claim.shard, row, refusal.message);
    const others = waiting.filter((other) => other !== long).map((other) => other.row);
    await forgetAttempts(db, claim, others);
  }

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
    refusals.passed(rows);
    observer.published(claim.shard, rows, (performance.now() - startedAt) / 1000);
    return position;
  }

  async function publishOneByOne(rows: readonly PageRow[], parked: Parked[]): Promise<PublishedRows> {
    let position = publisher.lastPosition ?? (await publisher.position());
    let isAnyTaken = false;
    const refused: { row: PageRow; refusal: StreamRefusedError }[] = [];
    for (const row of rows) {
      if (!isFree(row, parked)) continue;
      const outcome = await tryRow({ db, claim, publish: publishAll }, row, MOST_ATTEMPTS);
      if ('created' in outcome) {
        // A repeat is answered with the sequence it had before, which may be lower than that of the row in front.
        if (
          !isAnyTaken ||
          outcome.created !== position.created ||
          outcome.lastSequence > position.lastSequence
        )
          position = outcome;
        isAnyTaken = true;
        continue;
      }
      blocked.add(aggregateOf(row));
      if ('cause' in outcome) {
        parked.push({ seq: row.seq, state: 'PARKED', cause: outcome.cause });
        observer.parked(claim.shard, row, outcome.cause);
      } else {
        refused.push({ row, ...outcome });
        if (!isAnyTaken && refused.length >= MOST_TRIED) break;
      }
    }
    const [first] = refused;
    const isAllRefused = first !== undefined && !isAnyTaken;
    // Then it is the stream, and no row is blamed; but a page of few rows may still be nothing but culprits.
    if (isAllRefused && (refused.length >= MOST_TRIED || refusals.nothingPassed() < MOST_ROUNDS)) {
      const tried = refused.map(({ row }) => row);
      await forgetAttempts(db, claim, tried);
      throw first.refusal;
    }
    for (const { row, refusal } of refused) {
      isAnySetAside = true;
      refusals.isAtFault(row);
      parked.push({ seq: row.seq, state: 'RETRY', cause: refusal.message });
      observer.setAside?.(claim.shard, row, refusal.message);
    }
    return { position, parked };
  }
}

/**
 * The rows by aggregate, from any of them on: where only some of a page can be tried, it is not always the same that
 * are in front. Within an aggregate the order stays.
 */
function fromAnywhere(rows: readonly PageRow[]): PageRow[] {
  const byAggregate = new Map<string, PageRow[]>();
  for (const row of rows) {
    const key = aggregateOf(row);
    const group = byAggregate.get(key);
    if (group) group.push(row);
    else byAggregate.set(key, [row]);
  }
  const groups = [...byAggregate.values()];
  const start = Math.floor(Math.random() * groups.length);
  return [...groups.slice(start), ...groups.slice(0, start)].flat();
}
