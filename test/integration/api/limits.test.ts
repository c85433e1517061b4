import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import type { Request } from 'express';
import type { Authenticate } from '../../../api/auth/principal.ts';
import { createCommandApp } from '../../../api/command-app.ts';
import type { ApiLimits } from '../../../api/http-stack.ts';
import { answerUnreadable } from '../../../api/limits/unreadable-requests.ts';
import { OrderSystemError } from '../../../domain/errors.ts';
import { systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createLogger } from '../../../platform/logger.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { commandSettings, httpDeps, noSagas, post, type ProblemBody } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';

const problemType = (name: string): string => `urn:durable-orders:problem:${name}`;

/** Tokens are subjects; `wrong…` is refused. */
const authenticate: Authenticate = (request: Request) => {
  const subject = request.get('Authorization')?.replace('Bearer ', '') ?? 'wrong';
  return subject.startsWith('wrong')
    ? Promise.reject(new OrderSystemError('UNAUTHENTICATED', 'this token is not known'))
    : Promise.resolve({ subject, roles: ['customer', 'operator'], customerId: 'customer-1' });
};
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

describe('limits of the APIs', () => {
  let database: TestDatabase;
  let server: HttpServer;
  let base: string;
  const sockets: Socket[] = [];
  const valid = { lines: [{ sku: 'COFFEE', quantity: 1 }], paymentMethod: 'pm_card_visa' };

  before(async () => {
    database = await createTestDatabase();
    await listProducts(database.db, [{ sku: 'COFFEE', onHand: 1_000 }]);
  });
  after(() => database.drop());
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await server.close();
  });

  async function serve(
    limits: Partial<ApiLimits>,
    { queue = commandSettings.queue, headersTimeout = 10_000 } = {},
  ): Promise<void> {
    const deps = { ...httpDeps(), authenticate, db: database.db, clock: systemClock, sagas: noSagas };
    const { app } = createCommandApp({ ...deps, nudge: () => undefined, ...commandSettings, queue, limits });
    const onUnreadable = answerUnreadable(createLogger('test', 'silent'));
    server = await listen(app, '127.0.0.1', 0, {
      onUnreadable,
      headersTimeout,
      connectionsCheckingInterval: 50,
    });
    base = `http://127.0.0.1:${server.port}`;
  }

  const placeAs = (token: string, headers: Record<string, string> = {}): Promise<Response> =>
    post(`${base}/orders`, valid, { ...bearer(token), ...headers });
  const typeOf = async (response: Response): Promise<string> => ((await response.json()) as ProblemBody).type;

  async function dial(
    text: string,
  ): Promise<{ socket: Socket; answer: () => string; closed: Promise<unknown> }> {
    const socket = connectSocket(server.port, '127.0.0.1');
    sockets.push(socket);
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part;
    });
    socket.on('error', () => undefined); // the server may close while the test still writes
    const closed = once(socket, 'close');
    await once(socket, 'connect');
    socket.write(text);
    return { socket, answer: () => answer, closed };
  }
  const postHead = (length: number): string =>
    `POST /orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

  describe('rate', () => {
    it('each caller has a number of requests of their own, is told how many are left, and when to come again', async () => {
      await serve({ ratePerMinute: 3 });
      const answers = [];
      for (let count = 0; count < 4; count++) answers.push(await placeAs('ann'));
      assert.deepEqual(
        answers.map(({ status }) => status),
        [202, 202, 202, 429],
      );
      assert.match(answers[0]?.headers.get('ratelimit-policy') ?? '', /^"per-caller"; q=3; w=60/);
      assert.match(answers[0]?.headers.get('ratelimit') ?? '', /^"per-caller"; r=2; t=60$/);
      const refused = answers[3]!;
      const seconds = Number(refused.headers.get('retry-after'));
      assert.ok(seconds >= 1 && seconds <= 60, String(seconds));
      assert.equal(await typeOf(refused), problemType('rate-limited'));
      assert.equal((await placeAs('ben')).status, 202);
    });

    it('who is over the limit is refused before the body is read', async () => {
      await serve({ ratePerMinute: 1, bodies: { atOnce: 1, withinMs: 60_000 } });
      await placeAs('ann');
      const { answer } = await dial(postHead(50_000));
      await eventually(() => Promise.resolve(answer() || undefined), { what: 'an answer without a body' });
      assert.match(answer(), /^HTTP\/1.1 429 /);
    });
  });

  describe('guessed tokens', () => {
    it('after some that were refused, an address is refused unheard, also with a good one', async () => {
      await serve({ authFailuresPerMinute: 2 });
      assert.equal((await placeAs('ann')).status, 202);
      assert.equal((await placeAs('wrong-1')).status, 401);
      assert.equal((await placeAs('wrong-2')).status, 401);
      const refused = await placeAs('ann');
      assert.equal(refused.status, 429);
      assert.ok(Number(refused.headers.get('retry-after')) > 0);
      assert.equal(await typeOf(refused), problemType('rate-limited'));
    });

    it('good tokens and requests without one count for nothing', async () => {
      await serve({ authFailuresPerMinute: 1 });
      for (let count = 0; count < 3; count++) {
        assert.equal((await placeAs('ann')).status, 202);
        assert.equal((await post(`${base}/orders`, valid)).status, 401);
      }
    });

    it('an address in X-Forwarded-For is believed from a trusted proxy only', async () => {
      const guessFrom = (address: string) => placeAs('wrong', { 'X-Forwarded-For': address });
      await serve({ authFailuresPerMinute: 1 });
      assert.deepEqual(
        [(await guessFrom('192.0.2.1')).status, (await guessFrom('192.0.2.2')).status],
        [401, 429],
      );
      await server.close();
      await serve({ authFailuresPerMinute: 1, trustedProxies: ['127.0.0.0/8'] });
      assert.deepEqual(
        [
          (await guessFrom('192.0.2.1')).status,
          (await guessFrom('192.0.2.2')).status,
          (await guessFrom('192.0.2.1')).status,
        ],
        [401, 401, 429],
      );
    });
  });

  describe('bodies', () => {
    it('one that does not arrive in time is answered 408, its connection closed, and no command held', async () => {
      await serve({ bodies: { atOnce: 1, withinMs: 100 } });
      const slow = await dial(`${postHead(1_000)}{`);
      await slow.closed;
      assert.match(slow.answer(), /^HTTP\/1.1 408 /);
      assert.match(slow.answer(), /request-timeout/);
      assert.equal((await placeAs('ann')).status, 202);
    });

    it('of many at once so many are read, the rest is refused, and soon after there is room again', async () => {
      await serve({ bodies: { atOnce: 4, withinMs: 3_000 } });
      const all = await Promise.all(Array.from({ length: 40 }, () => dial(`${postHead(60_000)}{`)));
      const refused = (): number => all.filter(({ answer }) => answer().startsWith('HTTP/1.1 503')).length;
      await eventually(() => Promise.resolve(refused() === 36 || undefined), { what: '36 are refused' });
      assert.match(all.map(({ answer }) => answer()).join(''), /Retry-After: 1/);
      await eventually(async () => (await placeAs('ann')).status === 202 || undefined, {
        what: 'room again',
      });
      const late = (): number => all.filter(({ answer }) => answer().startsWith('HTTP/1.1 408')).length;
      await eventually(() => Promise.resolve(late() === 4 || undefined), { what: '4 came too late' });
    });

    it('a caller who hangs up in the middle of a body makes room', async () => {
      await serve({ bodies: { atOnce: 1, withinMs: 60_000 } });
      const { socket } = await dial(`${postHead(1_000)}{`);
      await eventually(async () => (await placeAs('ann')).status === 503 || undefined, {
        what: 'it is full',
      });
      socket.destroy();
      await eventually(async () => (await placeAs('ann')).status === 202 || undefined, {
        what: 'room again',
      });
    });

    it('large ones cost no memory: 800 MB that nobody asked for are not kept', async () => {
      await serve({});
      const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
      const before = used();
      let most = before;
      const chunk = Buffer.alloc(64_000, 'x');
      const chunks = 250;
      const send = async (): Promise<string> => {
        const { socket, answer } = await dial(postHead(chunk.length * chunks));
        for (let sent = 0; sent < chunks; sent++) {
          if (!socket.write(chunk)) await once(socket, 'drain');
          most = Math.max(most, used());
        }
        await eventually(() => Promise.resolve(answer() || undefined), { what: 'an answer' });
        return answer().slice(0, 12);
      };
      const answers = await Promise.all(Array.from({ length: 50 }, send));
      assert.deepEqual(new Set(answers), new Set(['HTTP/1.1 413']));
      assert.ok(most - before < 200_000_000, `${most - before} bytes more`);
    });

    it('with the queue full, a command is refused before its body is read', async () => {
      const holding = database.db.transaction();
      const trx = await holding;
      await trx.raw('lock table orders.orders in exclusive mode');
      await serve({}, { queue: { capacity: 1, batchSize: 1 } });
      const held = [placeAs('ann')];
      try {
        const early = await eventually(
          async () => {
            held.push(placeAs('ann'));
            const { answer } = await dial(postHead(50_000));
            await eventually(() => Promise.resolve(answer() || undefined), {
              what: 'refusal',
              withinMs: 200,
            });
            return answer();
          },
          { what: 'an answer without a body' },
        );
        assert.match(early, /^HTTP\/1.1 503 /);
        assert.match(early, /Retry-After: 1/);
      } finally {
        await trx.rollback();
      }
      const statuses = await Promise.all(held.map(async (answer) => (await answer).status));
      assert.ok(statuses.filter((status) => status === 202).length >= 2);
    });
  });

  describe('what is no request that can be read is answered with a problem too:', () => {
    it('headers above 16 KB: 431', async () => {
      await serve({});
      const { answer, closed } = await dial(
        `GET /orders HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      );
      await closed;
      assert.match(answer(), /^HTTP\/1.1 431 /);
      assert.match(answer(), /application\/problem\+json/);
      assert.match(answer(), /headers-too-large/);
    });

    it('headers that do not arrive in time: 408', async () => {
      await serve({}, { headersTimeout: 100 });
      const { answer, closed } = await dial('GET /orders HTTP/1.1\r\nHost: x\r\n');
      await closed;
      assert.match(answer(), /^HTTP\/1.1 408 /);
      assert.match(answer(), /request-timeout/);
    });

    it('anything but HTTP: 400', async () => {
      await serve({});
      const { answer, closed } = await dial('hello\r\n\r\n');
      await closed;
      assert.match(answer(), /^HTTP\/1.1 400 /);
      assert.match(answer(), /malformed-request/);
    });

    it('an address above 2048 characters: 414', async () => {
      await serve({});
      const response = await fetch(`${base}/operations/outbox?x=${'x'.repeat(2_048)}`, {
        headers: bearer('ann'),
      });
      assert.deepEqual([response.status, await typeOf(response)], [414, problemType('url-too-long')]);
    });

    it('an address that cannot be decoded: 400', async () => {
      await serve({});
      const response = await post(`${base}/orders/%E0%A4%A/cancel`, {}, bearer('ann'));
      const text = await response.text();
      assert.equal(response.status, 400);
      assert.match(text, /percent-encode/);
      assert.doesNotMatch(text, /node_modules|\bat .*:\d+/);
    });
  });

  describe('pages of other origins', () => {
    const origin = 'https://shop.example.com';
    const preflight = (from: string): Promise<Response> =>
      fetch(`${base}/orders`, {
        method: 'OPTIONS',
        headers: {
          Origin: from,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key,prefer',
        },
      });

    it('of an allowed one: the preflight needs no token, and the answer’s headers can be read', async () => {
      await serve({ corsOrigins: [origin] });
      const allowed = await preflight(origin);
      assert.equal(allowed.status, 204);
      assert.equal(allowed.headers.get('access-control-allow-origin'), origin);
      assert.match(
        allowed.headers.get('access-control-allow-headers') ?? '',
        /Authorization.*Idempotency-Key/,
      );
      assert.match(allowed.headers.get('access-control-allow-headers') ?? '', /Last-Event-ID.*Read-Token/);
      assert.equal(allowed.headers.get('access-control-allow-methods'), 'HEAD,GET,POST');
      const answer = await placeAs('ann', { Origin: origin });
      assert.match(
        answer.headers.get('access-control-expose-headers') ?? '',
        /Content-Disposition.*ETag.*Preference-Applied.*Projection-Lag.*Read-Token.*Retry-After/,
      );
      assert.equal(answer.headers.get('access-control-allow-origin'), origin);
      assert.match(
        answer.headers.get('access-control-expose-headers') ?? '',
        /Location.*RateLimit.*traceparent/,
      );
      const refused = await post(`${base}/orders`, valid, { Origin: origin });
      assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [401, origin]);
    });

    it('of any other, and of all as long as none is allowed: nothing is allowed', async () => {
      await serve({ corsOrigins: [origin] });
      assert.equal(
        (await preflight('https://evil.example')).headers.get('access-control-allow-origin'),
        null,
      );
      await server.close();
      await serve({});
      const none = await preflight(origin);
      assert.deepEqual([none.status, none.headers.get('access-control-allow-origin')], [405, null]);
      assert.equal(
        (await placeAs('ann', { Origin: origin })).headers.get('access-control-allow-origin'),
        null,
      );
    });
  });

  it('a server that closes ends connections that were busy when it began to', async () => {
    const trxReady = await database.db.transaction();
    await trxReady.raw('lock table orders.orders in exclusive mode');
    await serve({});
    const answer = placeAs('ann');
    await eventually(
      async () => {
        const { rows } = await database.db.raw<{ rows: object[] }>('select from pg_locks where not granted');
        return rows.length > 0 || undefined;
      },
      { what: 'the command waits for the lock' },
    );
    const startedAt = Date.now();
    const closing = server.close();
    await trxReady.rollback();
    assert.equal((await answer).status, 202);
    await closing;
    assert.ok(Date.now() - startedAt < 4_000, 'and not when keep-alive ends');
    await serve({});
  });
});
