import { request, type IncomingMessage } from 'node:http';
import { Registry } from 'prom-client';
import { createLiveConnections, type LiveConnections } from '../../api/live/live-connections.ts';
import type { LiveDeps } from '../../api/live/live-endpoints.ts';
import type { Principal } from '../../api/auth/principal.ts';
import { createTopology } from '../../domain/topology.ts';
import { systemClock } from '../../platform/clock.ts';
import { createLogger } from '../../platform/logger.ts';
import { PRINCIPAL_HEADER } from './http.ts';

/** Connections as a process has them. */
export const liveConnections = (
  changes: Partial<Parameters<typeof createLiveConnections>[0]> = {},
): LiveConnections =>
  createLiveConnections({
    limits: { connections: 100, perCaller: 100 },
    clock: systemClock,
    logger: createLogger('test', 'silent'),
    registry: new Registry(),
    ...changes,
  });

/** A stream in which nothing was and nothing comes; who follows it is at its end. */
export const nothingHappens = (): Required<LiveDeps>['live'] => ({
  follower: { follow: () => Promise.resolve({ created: '2026-03-01T00:00:00Z', messages: nothing() }) },
  topology: createTopology(),
  connections: liveConnections(),
});

async function* nothing(): AsyncGenerator<never> {
  // Nothing.
}

/** An event as it came over the wire. */
export interface ReceivedEvent {
  readonly id: string;
  readonly event: string;
  readonly data: {
    readonly aggregateId: string;
    readonly aggregateVersion: number;
    readonly data: Record<string, unknown>;
  } & Record<string, unknown>;
}

/** A reader of Server-Sent Events. */
export interface EventReader {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** The next event. @throws Error when the connection ends before it */
  next(): Promise<ReceivedEvent>;
  take(count: number): Promise<ReceivedEvent[]>;
  /** What is not an event: comments and the time after which to come again. */
  readonly asides: readonly string[];
  /** The rest, to the end of the connection. */
  rest(): Promise<ReceivedEvent[]>;
  /** Hangs up. */
  close(): void;
}

interface ReaderOptions {
  readonly principal?: Principal;
  readonly lastEventId?: string;
  readonly method?: 'GET' | 'HEAD';
}

/** Reads no more than it is asked for, so that one who asks for nothing is a reader who does not read. */
export async function readEvents(
  url: string,
  { principal, lastEventId, method = 'GET' }: ReaderOptions = {},
): Promise<EventReader> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = {
      ...(principal ? { [PRINCIPAL_HEADER]: JSON.stringify(principal) } : {}),
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    };
    request(url, { method, headers, agent: false }).on('response', resolve).on('error', reject).end();
  });
  response.on('error', () => undefined); // a connection that breaks is an end: `next` tells it
  const asides: string[] = [];
  const events = eventsIn(response, asides);
  const next = async (): Promise<ReceivedEvent> => {
    const { value, done } = await events.next();
    if (done) throw new Error('the connection has ended');
    return value;
  };
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    asides,
    next,
    take: async (count) => {
      const taken: ReceivedEvent[] = [];
      while (taken.length < count) taken.push(await next());
      return taken;
    },
    rest: async () => {
      const taken: ReceivedEvent[] = [];
      for await (const event of events) taken.push(event);
      return taken;
    },
    close: () => response.destroy(),
  };
}

async function* eventsIn(response: IncomingMessage, asides: string[]): AsyncGenerator<ReceivedEvent, void> {
  let text = '';
  try {
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]));
        const data = fields.get('data');
        if (data === undefined) asides.push(block);
        else
          yield {
            id: fields.get('id') ?? '',
            event: fields.get('event') ?? '',
            data: JSON.parse(data) as ReceivedEvent['data'],
          };
      }
    }
  } catch (error) {
    if (!response.destroyed) throw error;
  }
}
