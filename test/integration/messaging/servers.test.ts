import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { connectMessaging, type Messaging } from '../../../messaging/connection.ts';
import { createLogger } from '../../../platform/logger.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { eventually } from '../../support/eventually.ts';
import { natsUrl } from '../../support/servers.ts';

const INFO = JSON.stringify({
  ...{ server_id: 'x', version: '2.12.0', proto: 1, headers: true, max_payload: 1_048_576 },
  ...{ auth_required: true, host: '127.0.0.1', port: 4222 },
});

/** A server that asks for a password and offers no TLS, or one in between that takes the offer away. */
async function withoutTls(): Promise<{ port: number; heard: string[]; asked: () => number; close(): void }> {
  const heard: string[] = [];
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (data) => heard.push(data.toString()));
    socket.on('error', () => undefined); // the client leaves as it likes
    socket.write(`INFO ${INFO}\r\n`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    heard,
    asked: () => sockets.length,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe('the servers that NATS_URL names', () => {
  const opened: Messaging[] = [];
  const connect = (url: string): Messaging => {
    const logger = createLogger('test', 'silent');
    const messaging = connectMessaging({ url, user: 'me', password: 'secret', name: 'test', logger });
    opened.push(messaging);
    return messaging;
  };
  afterEach(() => Promise.all(opened.splice(0).map((messaging) => messaging.close())));

  it('with tls:// and a server without TLS hear no password, however often they are tried', async () => {
    const server = await withoutTls();
    try {
      const messaging = connect(`tls://127.0.0.1:${server.port}`);
      await eventually(() => Promise.resolve(server.asked() >= 3), { what: 'tried three times' });
      assert.equal(messaging.current, undefined);
      assert.deepEqual(server.heard, []);
    } finally {
      server.close();
    }
  });

  it('with nats:// a server without TLS is spoken to without it', async () => {
    const server = await withoutTls();
    try {
      connect(`nats://127.0.0.1:${server.port}`);
      await eventually(() => Promise.resolve(server.heard.join('').includes('CONNECT')), {
        what: 'connected',
      });
    } finally {
      server.close();
    }
  });

  it('are all tried: one that is down is no obstacle, wherever it stands in the list', async () => {
    const up = await natsUrl();
    const down = `nats://127.0.0.1:${await freePort()}`;
    for (const url of [`${down},${up}`, `${up}, ${down}`]) await connect(url).firstConnection;
  });
});
