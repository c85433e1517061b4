import type { StreamPage, StreamReader } from './stream-reader.ts';

/** A reader that reads the next page while its caller works on one, as long as the stream is known to hold more. */
export function readAhead(reader: StreamReader): StreamReader {
  let ahead: Promise<StreamPage> | undefined;
  return {
    created: reader.created,
    next: async () => {
      const next = ahead ?? reader.next();
      ahead = undefined;
      const page = await next;
      if (page.pending > 0) {
        ahead = reader.next();
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
}
