import type { OutgoingMessage } from 'node:http';

/** Media type of Server-Sent Events. */
export const EVENT_STREAM = 'text/event-stream';

/** Whether an answer goes on until somebody ends it. */
export const isEventStream = (response: Pick<OutgoingMessage, 'getHeader'>): boolean =>
  String(response.getHeader('Content-Type') ?? '').startsWith(EVENT_STREAM);
