import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { refuseUnreadable } from '../platform/plain-problem.ts';

export interface HttpServer {
  /** Ends every connection, also those that stream, and resolves. */
  close(): Promise<void>;
}

const limits = {
  /** An upload or an event stream may take as long as it takes; the processes behind have their own limits. */
  requestTimeout: 0,
  /** To the end of the headers, in ms. Said here, because without a limit for requests Node.js has none for this. */
  headersTimeout: 10_000,
  /** How often that is looked at, in ms. */
  connectionsCheckingInterval: 1_000,
};

/** Listens on the loopback interface. @throws Error with code EADDRINUSE when the port is taken. */
export async function listen(
  app: RequestListener,
  port: number,
  own: Partial<typeof limits> = {},
): Promise<HttpServer> {
  const server = createServer({ ...limits, ...own }, app);
  server.on('clientError', refuseUnreadable);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
