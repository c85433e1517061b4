import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';

export interface HttpServer {
  /** Ends every connection, also those that stream, and resolves. */
  close(): Promise<void>;
}

/** Listens on the loopback interface. @throws Error with code EADDRINUSE when the port is taken. */
export async function listen(app: RequestListener, port: number): Promise<HttpServer> {
  // An upload or an event stream may take as long as it takes; the processes behind have their own limits.
  const server = createServer({ requestTimeout: 0 }, app);
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
