import assert from 'node:assert/strict';
import type { Authenticate, Principal } from '../../../api/auth/principal.ts';
import { createTokenAuthenticator } from '../../../api/auth/token-authenticator.ts';
import { audience, issuer, requestWith, sign, signingKey, type Claims } from '../../support/tokens.ts';

const MINUTE_MS = 60_000;
const key = signingKey();

describe('a token that was verified a moment ago', () => {
  const start = Math.floor(Date.now() / 1_000) * 1_000;
  let now = start;
  let authenticate: Authenticate;
  beforeEach(() => {
    now = start;
    authenticate = createTokenAuthenticator({
      issuer,
      audience,
      keys: key.publicKey,
      algorithms: ['ES256'],
      clockToleranceS: 5,
      clock: { now: () => new Date(now) },
      remembered: 10,
    });
  });

  const ask = (token: string): Promise<Principal> => authenticate(requestWith(`Bearer ${token}`));
  const tokenFor = (minutes: number, claims: Claims = {}): Promise<string> =>
    sign(key, { exp: (start + minutes * MINUTE_MS) / 1_000, ...claims });

  // The very same object is answered only where nothing was verified anew.

  it('is not verified again', async () => {
    const token = await tokenFor(60);
    assert.equal(await ask(token), await ask(token));
  });

  it('is refused from the moment at which it expires, as if it had never been verified', async () => {
    const token = await tokenFor(2);
    const first = await ask(token);
    now = start + 2 * MINUTE_MS - 1;
    assert.equal(await ask(token), first);
    now = start + 2 * MINUTE_MS;
    assert.notEqual(await ask(token), first, 'within the tolerance it is verified each time');
    now = start + 2 * MINUTE_MS + 6_000;
    await assert.rejects(ask(token), /has expired/);
  });

  it('is verified again after five minutes, so that a key which was withdrawn shuts its tokens out', async () => {
    const token = await tokenFor(60);
    const first = await ask(token);
    now = start + 5 * MINUTE_MS - 1;
    assert.equal(await ask(token), first);
    now = start + 5 * MINUTE_MS;
    assert.notEqual(await ask(token), first);
  });

  it('is not taken for another one of the same person', async () => {
    const more = await ask(await tokenFor(60, { roles: ['operator'] }));
    const less = await ask(await tokenFor(60, { roles: [] }));
    assert.deepEqual([more.roles, less.roles], [['operator'], []]);
  });

  it('makes room for others, so that many tokens do not fill the memory', async () => {
    const token = await tokenFor(60);
    const first = await ask(token);
    for (let other = 0; other < 20; other++) await ask(await tokenFor(60, { sub: `somebody-${other}` }));
    assert.notEqual(await ask(token), first);
  });

  it('a token that was refused is refused again', async () => {
    const token = await sign(signingKey());
    for (let time = 0; time < 2; time++) await assert.rejects(ask(token), /signature is not good/);
  });
});
