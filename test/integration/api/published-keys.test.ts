import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { InvalidToken } from '../../../api/auth/invalid-token.ts';
import type { Authenticate, Principal } from '../../../api/auth/principal.ts';
import { createTokenAuthenticator } from '../../../api/auth/token-authenticator.ts';
import { endpoint } from '../../../api/endpoints/serve.ts';
import { createHttpApp } from '../../../api/http-stack.ts';
import { listProductsContract } from '../../../api/queries/contracts.ts';
import { OrderSystemError } from '../../../domain/errors.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { systemClock } from '../../../platform/clock.ts';
import { listen } from '../../../platform/http-server.ts';
import { createLogger } from '../../../platform/logger.ts';
import { eventually } from '../../support/eventually.ts';
import { httpDeps } from '../../support/http.ts';
import {
  bearer,
  audience,
  issuer,
  requestWith,
  sign,
  signingKey,
  type SigningKey,
} from '../../support/tokens.ts';

describe('keys that an issuer publishes', () => {
  let server: Server;
  let url: URL;
  let published: object[];
  let asked: number;
  let answer: 'keys' | 'error' | 'silence';

  before(async () => {
    server = createServer((_request, response) => {
      asked++;
      if (answer === 'silence') return;
      response.writeHead(answer === 'keys' ? 200 : 500, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ keys: published }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`);
  });
  after(async () => {
    server.closeAllConnections();
    const closed = once(server, 'close');
    server.close();
    await closed;
  });
  beforeEach(() => {
    published = [];
    asked = 0;
    answer = 'keys';
  });

  const publish = (kid: string, { alg, publicKey }: SigningKey): void => {
    published.push({ ...publicKey.export({ format: 'jwk' }), kid, alg, use: 'sig' });
  };
  const create = (keys: URL, keysAskedAgainAfterMs?: number): Authenticate =>
    createTokenAuthenticator({
      issuer,
      audience,
      keys,
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      clockToleranceS: 5,
      clock: systemClock,
      ...(keysAskedAgainAfterMs === undefined ? {} : { keysAskedAgainAfterMs }),
    });
  const ask = async (by: Authenticate, key: SigningKey, kid?: string, sub = 'maria'): Promise<Principal> =>
    by(requestWith(`Bearer ${await sign(key, { sub }, kid === undefined ? {} : { kid })}`));

  const unavailable = (error: unknown): boolean =>
    error instanceof OrderSystemError && error.code === 'UNAVAILABLE' && error.cause !== undefined;

  it('are fetched once for many tokens, and the one that a token names is taken', async () => {
    const [old, other] = [signingKey('RS256'), signingKey('EdDSA')];
    publish('old', old);
    publish('other', other);
    const by = create(url);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        ask(by, index % 2 ? old : other, index % 2 ? 'old' : 'other', `s${index}`),
      ),
    );
    assert.equal(asked, 1);
    await assert.rejects(ask(by, old, 'other'), InvalidToken);
  });

  it('change: a token of a new one makes us fetch them again, one of the old is refused then', async () => {
    const [old, next] = [signingKey(), signingKey()];
    publish('2026-01', old);
    const by = create(url, 0);
    await ask(by, old, '2026-01');
    published = [];
    publish('2026-02', next);
    assert.equal((await ask(by, next, '2026-02')).subject, 'maria');
    await assert.rejects(ask(by, old, '2026-01', 'somebody else'), /key that is not known/);
  });

  it('are not fetched for every token that names a key which nobody has', async () => {
    const ours = signingKey();
    publish('ours', ours);
    const by = create(url);
    await ask(by, ours, 'ours');
    for (let index = 0; index < 5; index++)
      await assert.rejects(ask(by, signingKey(), `made-up-${index}`), /key that is not known/);
    assert.equal(asked, 1);
  });

  it('two that would fit are told apart by nothing but the token', async () => {
    const ours = signingKey();
    publish('ours', ours);
    publish('also ours', signingKey());
    await assert.rejects(ask(create(url), ours), /which of several keys/);
  });

  it('that cannot be fetched refuse nobody: it is unavailable, and works when they are back', async () => {
    const ours = signingKey();
    publish('ours', ours);
    const by = create(url);
    answer = 'error';
    await assert.rejects(ask(by, ours, 'ours'), unavailable);
    await assert.rejects(
      ask(create(new URL(`http://127.0.0.1:${await freePort()}/keys`)), ours),
      unavailable,
    );
    answer = 'keys';
    assert.equal((await ask(by, ours, 'ours')).subject, 'maria');
  });

  it('that do not come within 3 s are given up', async () => {
    answer = 'silence';
    await assert.rejects(ask(create(url), signingKey()), unavailable);
  }).timeout(6_000);

  it('tokens that were verified before are let in while they cannot be fetched', async () => {
    const ours = signingKey();
    publish('ours', ours);
    const by = create(url, 0);
    const token = await sign(ours, {}, { kid: 'ours' });
    await by(requestWith(`Bearer ${token}`));
    answer = 'error';
    assert.equal((await by(requestWith(`Bearer ${token}`))).subject, 'maria');
  });

  it('while they cannot be fetched, tokens of an unknown key are no reason to ask for them again and again', async () => {
    const ours = signingKey();
    publish('ours', ours);
    const by = create(url, 300);
    await ask(by, ours, 'ours');
    await eventually(
      async () => {
        answer = 'error';
        const before = asked;
        await ask(by, signingKey(), 'new').catch(() => undefined);
        return asked > before || undefined;
      },
      { what: 'keys are asked for again' },
    );
    const before = asked;
    for (let index = 0; index < 5; index++)
      await assert.rejects(ask(by, signingKey(), `made-up-${index}`), unavailable);
    assert.equal(asked, before);
    assert.equal((await ask(by, ours, 'ours', 'somebody else')).subject, 'somebody else');
  });

  it('a new key shuts out no address, nor do old tokens: they are no guesses, forged ones of a known key are', async () => {
    const ours = signingKey();
    publish('ours', ours);
    const products = endpoint(listProductsContract, ({ response }) => {
      response.set('Projection-Lag', 'unknown').json({ items: [] });
      return Promise.resolve();
    });
    const app = createHttpApp(
      { ...httpDeps(), authenticate: create(url), limits: { authFailuresPerMinute: 3 } },
      [products],
    );
    const api = await listen(app, '127.0.0.1', 0);
    const statusOf = async (token: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${api.port}/products`, { headers: bearer(token) })).status;
    const statusWith = async (key: SigningKey, kid: string, claims = {}): Promise<number> =>
      statusOf(await sign(key, claims, { kid }));
    const used = await sign(ours, {}, { kid: 'ours' });
    try {
      assert.equal(await statusOf(used), 200);
      for (let index = 0; index < 10; index++) assert.equal(await statusWith(signingKey(), 'new'), 401);
      for (const claims of [
        { exp: 1 },
        { aud: 'somebody else' },
        { iss: 'x' },
        { sub: undefined },
        { roles: 'x' },
      ])
        assert.equal(await statusWith(ours, 'ours', claims), 401);
      assert.equal(await statusWith(ours, 'ours'), 200);
      for (let index = 0; index < 3; index++) assert.equal(await statusWith(signingKey(), 'ours'), 401);
      assert.equal(await statusWith(ours, 'ours'), 429);
      assert.equal(await statusOf(used), 200, 'who was let in a moment ago still is');
    } finally {
      await api.close();
    }
  });

  it('that cannot be fetched are an answer 503, and a log entry with the cause and without the token', async () => {
    const log: string[] = [];
    const app = createHttpApp(
      {
        ...httpDeps(),
        authenticate: create(new URL(`http://127.0.0.1:${await freePort()}/keys`)),
        logger: createLogger('test', 'info', { write: (line) => log.push(line) }),
      },
      [endpoint(listProductsContract, () => Promise.reject(new Error('nobody is let in')))],
    );
    const api = await listen(app, '127.0.0.1', 0);
    try {
      const token = await sign(signingKey());
      const response = await fetch(`http://127.0.0.1:${api.port}/products`, { headers: bearer(token) });
      assert.equal(response.status, 503);
      assert.equal(response.headers.get('retry-after'), '2');
      assert.equal(response.headers.get('www-authenticate'), null);
      assert.doesNotMatch(await response.text(), /127\.0\.0\.1|ECONNREFUSED|fetch/);
      await eventually(() => Promise.resolve(log.length > 0 || undefined), { what: 'it is logged' });
      assert.match(log.join(''), /ECONNREFUSED/);
      assert.ok(!log.join('').includes(token.split('.')[2] ?? ''), 'a token that may be good is in the log');
    } finally {
      await api.close();
    }
  });
});
