import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { inTurns } from './in-turns.ts';

export interface HttpServer {
  /** The port it got, also when 0 was asked for. */
  readonly port: number;
  /** Takes no new connections, lets running requests end, then resolves. */
  close(): Promise<void>;
}

/** Answers on the socket what never became a request: malformed, too large, too slow. */
export type UnreadableRequestHandler = (error: NodeJS.ErrnoException, socket: Duplex) => void;

const limits = {
  /** Request line and headers, in bytes; 431 beyond it. */
  maxHeaderSize: 16_384,
  /** From a connection's or the last answer's end to the end of the headers, in ms; 408 beyond it. */
  headersTimeout: 10_000,
  /** To the end of the body, in ms. */
  requestTimeout: 30_000,
  /** How often the two are looked at, in ms. Node's own 30 s would let a request take that much longer. */
  connectionsCheckingInterval: 1_000,
  /** Longer than the 60 s for which proxies usually keep a connection that they may use again, in ms. */
  keepAliveTimeout: 65_000,
};
/** The next one is closed unheard: each costs memory and a file descriptor before anybody is asked for a token. */
const MAX_CONNECTIONS = 4_000;

type ListenOptions = Partial<typeof limits> & {
  readonly onUnreadable?: UnreadableRequestHandler;
  /** Answers requests that come while too many wait. */
  readonly refuse?: RequestListener;
};

/** @throws Error with code EADDRINUSE when the port is taken. */
export async function listen(
  app: RequestListener,
  host: string,
  port: number,
  { onUnreadable, refuse, ...own }: ListenOptions = {},
): Promise<HttpServer> {
  const server = createServer({ ...limits, ...own }, inTurns(app, refuse));
  server.maxConnections = MAX_CONNECTIONS;
  if (onUnreadable) server.on('clientError', onUnreadable);
  let isClosing = false;
  server.on('request', (_request, response) => {
    response.once('close', () => {
      // A connection that was busy when the server closed would be kept alive for the next request.
      if (isClosing) server.closeIdleConnections();
    });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      isClosing = true;
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}
