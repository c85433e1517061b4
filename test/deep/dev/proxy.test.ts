import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
} from 'node:net';
import { withHome } from '../../../dev/home.ts';
import { listen, type HttpServer } from '../../../dev/listen.ts';
import { createProxy } from '../../../dev/proxy.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { onlyLocal } from '../../../platform/local-requests.ts';
import { rawRequest, sendRaw, type RawAnswer } from '../../support/raw-http.ts';

const portOf = (server: Server | TcpServer): number => (server.address() as AddressInfo).port;

describe('the proxy of `npm start`', () => {
  let upstream: Server;
  /** The targets of the requests that have come to it. */
  const seen: (string | undefined)[] = [];
  let odd: TcpServer;
  /** What the upstream of the worker answers, as bytes. */
  let oddAnswer = '';
  let proxy: HttpServer;
  let port: number;

  before(async () => {
    upstream = createServer(({ method, url, headers }, response) => {
      seen.push(url);
      response.end(JSON.stringify({ method, url, headers }));
    }).listen(0, '127.0.0.1');
    odd = createTcpServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end(Buffer.from(oddAnswer, 'latin1')));
    }).listen(0, '127.0.0.1');
    port = await freePort();
    const api = `http://127.0.0.1:${portOf(upstream)}`;
    const deps = { commandApi: api, queryApi: api, worker: `http://127.0.0.1:${portOf(odd)}` };
    proxy = await listen(onlyLocal(withHome(createProxy(deps), undefined), 'any'), port, {
      headersTimeout: 300,
      connectionsCheckingInterval: 50,
    });
  });
  after(async () => {
    await proxy.close();
    upstream.close();
    odd.close();
  });

  const get = (target: string, headers: Record<string, string> = {}): Promise<RawAnswer> =>
    sendRaw(port, rawRequest('GET', target, headers));
  const isAlive = async (): Promise<void> => {
    assert.equal((await get('/orders')).status, 200);
  };

  const never = {
    'a request of HTTP/1.0 without Host': 'GET / HTTP/1.0\r\n\r\n',
    'a request of HTTP/1.1 without Host': 'GET / HTTP/1.1\r\n\r\n',
    'what is not HTTP': 'hello\r\n\r\n',
    'a TLS handshake': '\u0016\u0003\u0001\u0000\u00a5\u0001\u0000\u0000\u00a1\u0003\u0003\r\n\r\n',
    'a method that there is not': 'BREW / HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'a target that is no address': 'GET orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'a target of another scheme': 'GET foo:bar HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'a header that cannot be sent on': 'GET / HTTP/1.1\r\nHost: localhost\r\nA\u0000: b\r\n\r\n',
    'two lengths': 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'a length and chunks': `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'chunks that are none': `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    'headers that are too large': `GET / HTTP/1.1\r\nHost: localhost\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`,
  };
  for (const [name, bytes] of Object.entries(never))
    it(`refuses ${name}, and goes on`, async () => {
      const { status, head } = await sendRaw(port, Buffer.from(bytes, 'latin1'));
      assert.ok(status >= 400 && status < 500, `${status} ${head}`);
      await isAlive();
    });

  it('goes on after a tunnel, an upgrade and a caller who leaves at once', async () => {
    await sendRaw(port, 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n');
    const upgrade = { Connection: 'Upgrade, close', Upgrade: 'websocket' };
    assert.ok((await get('/orders', upgrade)).status < 500);
    for (let count = 0; count < 20; count++)
      connect(port, '127.0.0.1', function (this: { destroy(): void }) {
        this.destroy();
      });
    await isAlive();
  });

  it('ends a connection whose headers do not come', async () => {
    const answer = await sendRaw(port, 'GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    assert.equal(answer.status, 408);
  });

  it('takes a whole address as target and sends it on as a path, to the process that the path is of', async () => {
    const answer = await get(`http://localhost:${port}/orders?a=b`, { Host: `localhost:${port}` });
    assert.equal((JSON.parse(answer.body) as { url: string }).url, '/orders?a=b');
    oddAnswer = 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n';
    assert.equal((await get(`http://localhost:${port}/dev/faults`)).status, 204);
  });

  it('answers 502 to what an upstream sends that is no answer, and goes on', async () => {
    for (const bytes of [
      '',
      'hello\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n',
    ]) {
      oddAnswer = bytes;
      const { status } = await get('/dev/faults');
      assert.equal(status, 502, JSON.stringify(bytes));
      await isAlive();
    }
  });

  it('breaks the connection of an answer that breaks off', async () => {
    oddAnswer = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf';
    const { status, body } = await get('/dev/faults');
    assert.deepEqual([status, body], [200, 'half']);
    await isAlive();
  });

  it('answers for this machine alone: a name that somebody made resolve to it is refused', async () => {
    for (const Host of [
      'localhost',
      `localhost:${port}`,
      '127.0.0.1',
      '127.1.2.3:80',
      '[::1]:3000',
      'app.localhost:1',
    ])
      assert.equal((await get('/orders', { Host })).status, 200, Host);
    for (const Host of [
      ...[
        'evil.test',
        `evil.test:${port}`,
        'localhost.evil.test',
        '127.0.0.1.evil.test',
        'evillocalhost',
        '',
      ],
      ...['10.0.0.1', '0.0.0.0', '[::]', '[::1].evil.test', 'localhost:x', 'user@localhost', 'localhost/x'],
    ])
      assert.ok([400, 421].includes((await get('/orders', { Host })).status), Host);
    const target = `http://evil.test:${port}/orders`;
    assert.equal((await get(target, { Host: 'localhost' })).status, 421);
  });

  it('and so is its home page', async () => {
    for (const target of ['/', '/?a=b'])
      assert.equal((await get(target, { Host: 'evil.test' })).status, 421, target);
    const home = await get('/');
    assert.equal(home.status, 200);
    assert.match(home.body, /API documentation/);
  });

  it('sends on what says where a request ends, though Connection names it: what follows is no second request', async () => {
    seen.length = 0;
    const body = Buffer.from('GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const Connection =
      'close, Content-Length, Transfer-Encoding, Content-Type, Host, Authorization, Origin, X-Mine';
    const sent = { 'Content-Type': 'text/plain', Authorization: 'Bearer x', Origin: 'http://localhost' };
    const answer = await sendRaw(
      port,
      rawRequest('GET', '/orders', { ...sent, 'X-Mine': 'y', Connection }, body),
    );
    await isAlive();
    assert.deepEqual(seen, ['/orders', '/orders']);
    const { headers } = JSON.parse(answer.body) as { headers: Record<string, string> };
    assert.deepEqual(
      [headers['content-length'], headers['content-type'], headers['authorization'], headers['origin']],
      [String(body.length), ...Object.values(sent)],
    );
    assert.equal(headers['x-mine'], undefined);
  });
});
