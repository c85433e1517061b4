import type { Knex } from 'knex';
import type { Claim, Cursor } from './cursor.ts';
import type { RowPublisher, StagedPage } from './row-publisher.ts';
import { nextPage } from './window.ts';

/** A page that waits for its turn to be published. */
export interface PreparedPage {
  readonly present: Required<Cursor>;
  readonly staged: StagedPage;
  /** Where to go on when it is published. */
  readonly next: Cursor;
  /** Stages what comes next in the window, of which the reading has begun. Absent at the window's end. */
  readonly following: ((stage: Stage) => Promise<string | PreparedPage>) | undefined;
}
type Stage = RowPublisher['stage'];

/** Nothing of the page is sent before its turn. */
export const asItIs: Stage = (page) => ({ page });

interface Pages {
  /** The next page, and the beginning of the one behind it; the snapshot up to which there is nothing. */
  next(cursor: Cursor): Promise<string | PreparedPage>;
}

/** Reads the pages of a window, each while the two in front of it are published and staged. */
export function createPages(db: Knex, claim: Claim, pageSize: number): Pages {
  return { next: (cursor) => prepare(cursor, read(cursor), asItIs) };

  function read(cursor: Cursor): ReturnType<typeof nextPage> {
    return thrownWhereAwaited(nextPage(db, claim, cursor, pageSize));
  }

  async function prepare(
    { from }: Cursor,
    reading: ReturnType<typeof nextPage>,
    stage: Stage,
  ): Promise<string | PreparedPage> {
    const opened = await reading;
    if (typeof opened === 'string') return opened;
    const { window, page } = opened;
    const last = page.length === pageSize ? page.at(-1) : undefined;
    const next = last ? { from, window: { ...window, lastSeq: last.seq } } : { from: window.to };
    const behind = last && read(next);
    return {
      present: { from, window },
      next,
      following: behind && ((stageNext) => thrownWhereAwaited(prepare(next, behind, stageNext))),
      staged: stage(page),
    };
  }
}

/** No rejection goes unhandled that is thrown later, where the promise is awaited. */
function thrownWhereAwaited<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
