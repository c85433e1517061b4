import { setTimeout as pause } from 'node:timers/promises';
import { OrderSystemError } from '../../domain/errors.ts';
import type { BookPage, BookQuery } from '../book-pages.ts';
import { CannotLookError, type Sources } from './sources.ts';

interface Book<Entry> {
  /** For people: `the payment provider`. */
  readonly of: string;
  readonly list: (query: BookQuery) => Promise<BookPage<Entry>>;
}

const PAGE_SIZE = 1_000;
const ASK_AGAIN_MS = 250;

/**
 * All entries since a time, page by page; one page is in memory. A page that is not available is asked for again.
 * @throws CannotLookError when it stays unavailable
 */
export async function* readBook<Entry>(
  { settleWithinMs, signal }: Pick<Sources, 'settleWithinMs' | 'signal'>,
  book: Book<Entry>,
  since: Date | undefined,
): AsyncGenerator<readonly Entry[]> {
  let cursor: string | undefined;
  do {
    const page: BookPage<Entry> = await listPage({
      limit: PAGE_SIZE,
      ...(since && { since }),
      ...(cursor !== undefined && { cursor }),
    });
    yield page.entries;
    cursor = page.next;
  } while (cursor !== undefined);

  async function listPage(query: BookQuery): Promise<BookPage<Entry>> {
    const until = Date.now() + settleWithinMs;
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await book.list(query);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        if (Date.now() + ASK_AGAIN_MS > until)
          throw new CannotLookError(`${book.of} did not list its books within ${settleWithinMs / 1_000} s`, {
            cause: error,
          });
        await pause(ASK_AGAIN_MS);
      }
    }
  }
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof OrderSystemError &&
  (error.code === 'PAYMENT_UNAVAILABLE' || error.code === 'CARRIER_UNAVAILABLE');
