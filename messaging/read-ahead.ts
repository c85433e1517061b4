import type { StreamPage, StreamReader } from './stream-reader.ts';

export interface AheadReader<Page> extends Omit<StreamReader, 'next'> {
  next(): Promise<Page>;
}

/**
 * A reader that reads the next page, and prepares it, while its caller works on one, as long as the stream is known to
 * hold more.
 */
export function readAhead<Page>(
  reader: StreamReader,
  prepare: (page: StreamPage) => Page,
): AheadReader<Page> {
  let ahead: Promise<{ readonly page: Page; readonly pending: number }> | undefined;
  return {
    created: reader.created,
    next: async () => {
      const next = ahead ?? read();
      ahead = undefined;
      const { page, pending } = await next;
      if (pending > 0) {
        ahead = read();
        // What fails is told to whoever asks for that page, who may never come.
        void Promise.allSettled([ahead]);
      }
      return page;
    },
    close: async () => {
      await Promise.allSettled([ahead]);
      await reader.close();
    },
  };

  async function read(): Promise<{ page: Page; pending: number }> {
    const page = await reader.next();
    return { page: prepare(page), pending: page.pending };
  }
}
