import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpServer {
  /** The port it got, also when 0 was asked for. */
  readonly port: number;
  /** Takes no new connections, lets running requests end, then resolves. */
  close(): Promise<void>;
}

/** @throws Error with code EADDRINUSE when the port is taken. */
export async function listen(app: RequestListener, host: string, port: number): Promise<HttpServer> {
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, app);
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
    },
  };
}
