import type { StreamPage, StreamReader } from './stream-reader.ts';

export interface AheadReader<Page> extends Omit<StreamReader, 'next'> {
  next(): Promise<Page>;
  /** Prepares the next page if it has come already: for a moment in which the caller has nothing else to do. */
  readonly prepareNext: () => void;
}

/**
 * A reader that reads the next page while its caller works on one, as long as the stream is known to hold more.
 * @param prepare makes of a page what the caller needs, at the latest when that asks for it
 */
export function readAhead<Page>(
  reader: StreamReader,
  prepare: (page: StreamPage) => Page,
): AheadReader<Page> {
  let ahead: Promise<StreamPage> | undefined;
  let come: StreamPage | undefined;
  let prepared: { readonly page: Page } | undefined;
  return {
    created: reader.created,
    next: async () => {
      const coming = ahead ?? reader.next();
      ahead = undefined;
      const next = await coming;
      const { page } = prepared ?? { page: prepare(next) };
      come = prepared = undefined;
      if (next.pending > 0) askAhead();
      return page;
    },
    prepareNext: () => {
      if (come && !prepared) prepared = { page: prepare(come) };
    },
    close: async () => {
      await Promise.allSettled([ahead]);
      await reader.close();
    },
  };

  function askAhead(): void {
    ahead = reader.next();
    // What fails is told to whoever asks for that page, who may never come.
    void Promise.allSettled([
      ahead.then((page) => {
        come = page;
      }),
    ]);
  }
}
