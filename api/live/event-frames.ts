import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** One event as a reader gets it. */
export interface SentEvent {
  /** What `Last-Event-ID` says to go on behind it. */
  readonly id: string;
  readonly event: string;
  /** Sent as JSON. */
  readonly data: unknown;
}

/** A reader who took nothing for too long. */
export class StalledReaderError extends Error {
  override readonly name = 'StalledReaderError';
}

/** Sends nothing to anybody; keeps proxies from taking the connection for a dead one. */
export const HEARTBEAT = ': \n\n';

/** After how long a reader whose connection has ended should come again, in ms. */
export const retryFrame = (ms: number): string => `retry: ${ms}\n\n`;

/** JSON holds no line break, and ids and types none either. */
const frameOf = ({ id, event, data }: SentEvent): string =>
  `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

/**
 * Writes events as Server-Sent Events, none before the reader has room for it.
 * @throws StalledReaderError when there was no room for so long; AbortError
 */
export async function writeEvents(
  response: ServerResponse,
  events: AsyncIterable<SentEvent>,
  { signal, stalledAfterMs }: { readonly signal: AbortSignal; readonly stalledAfterMs: number },
): Promise<void> {
  for await (const event of events) {
    if (response.write(frameOf(event))) continue;
    const late = AbortSignal.timeout(stalledAfterMs);
    try {
      await once(response, 'drain', { signal: AbortSignal.any([signal, late]) });
    } catch (error) {
      throw late.aborted && !signal.aborted
        ? new StalledReaderError(`a reader took nothing for ${stalledAfterMs} ms`)
        : error;
    }
  }
}
