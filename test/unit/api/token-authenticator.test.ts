import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { InvalidToken } from '../../../api/auth/invalid-token.ts';
import type { Authenticate, Principal } from '../../../api/auth/principal.ts';
import { createTokenAuthenticator } from '../../../api/auth/token-authenticator.ts';
import { OrderSystemError } from '../../../domain/errors.ts';
import { systemClock } from '../../../platform/clock.ts';
import {
  audience,
  inOneHour,
  issuer,
  requestWith,
  sign,
  signingKey,
  type Claims,
} from '../../support/tokens.ts';

const rsa = signingKey('RS256');
const ours = signingKey('ES256');
const others = signingKey('ES256');

const settings = { issuer, audience, clockToleranceS: 5, clock: systemClock };
const authenticate = createTokenAuthenticator({ ...settings, keys: ours.publicKey, algorithms: ['ES256'] });

const withToken = (token: string, by: Authenticate = authenticate): Promise<Principal> =>
  by(requestWith(`Bearer ${token}`));

/** Whether it was refused as a bad token, for this reason. */
const refusedFor =
  (reason: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof InvalidToken, String(error));
    assert.match(error.message, reason);
    return true;
  };

/** A compact JWT with any header, claims and signature. */
function compact(header: object, claims: object, signature: (input: string) => string): string {
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  const input = `${part(header)}.${part(claims)}`;
  return `${input}.${signature(input)}`;
}
const goodClaims = { iss: issuer, aud: audience, sub: 'maria', exp: inOneHour(), roles: ['admin'] };

describe('a bearer token', () => {
  it('says who asks, what they may, and whose orders are theirs', async () => {
    const exp = inOneHour();
    const token = await sign(ours, { exp, roles: ['customer', 'analyst'], customer_id: 'customer-7' });
    const { expiresAt, ...principal } = await withToken(token);
    assert.equal(expiresAt, (exp + settings.clockToleranceS) * 1_000, 'until when it is taken');
    assert.deepEqual(principal, {
      subject: 'maria',
      roles: ['customer', 'analyst'],
      customerId: 'customer-7',
    });
  });

  for (const alg of ['RS256', 'EdDSA'] as const)
    it(`may be signed with ${alg} where that is allowed`, async () => {
      const key = signingKey(alg);
      const by = createTokenAuthenticator({ ...settings, keys: key.publicKey, algorithms: [alg] });
      assert.equal((await withToken(await sign(key), by)).subject, 'maria');
    });

  it('may hold claims, roles among them, that are of no concern here', async () => {
    const token = await sign(ours, { roles: ['customer', 'root', 7, 'customer'], azp: 'shop' });
    assert.deepEqual((await withToken(token)).roles, ['customer']);
  });

  it('without any of our roles, and without a customer, gives none', async () => {
    const token = await sign(ours, { roles: undefined, customer_id: undefined });
    const { expiresAt: _expiresAt, ...principal } = await withToken(token);
    assert.deepEqual(principal, { subject: 'maria', roles: [] });
  });

  it('is taken a few seconds past its end or before its beginning, for clocks differ', async () => {
    const now = Math.floor(Date.now() / 1_000);
    await withToken(await sign(ours, { exp: now - 2 }));
    await withToken(await sign(ours, { nbf: now + 3 }));
  });

  describe('is refused', () => {
    // Read when the file is loaded, which may be long before its tests run.
    const now = Math.floor(Date.now() / 1_000);
    const tomorrow = now + 24 * 3_600;
    const claims: [name: string, claims: Claims, reason: RegExp][] = [
      ['when it has expired', { exp: now - 60 }, /has expired/],
      ['when it is not valid yet', { nbf: tomorrow }, /not valid yet/],
      ['when it is meant for somebody else', { aud: 'another-shop' }, /meant for somebody else/],
      ['when it comes from another issuer', { iss: 'https://evil.test' }, /another issuer/],
      ['without an audience', { aud: undefined }, /has no aud/],
      ['without an issuer', { iss: undefined }, /has no iss/],
      ['without a subject', { sub: undefined }, /has no sub/],
      ['without an end', { exp: undefined }, /has no exp/],
      ['when its end is no number', { exp: 'never' }, /exp of the wrong type/],
      ['with an empty subject', { sub: '' }, /sub must not be empty/],
      ['with a subject that the audit cannot hold', { sub: 'x'.repeat(101) }, /sub must have at most 100/],
      ['with a control character in the subject', { sub: 'a\u0000b' }, /sub .* leave out U\+0000/],
      ['with a subject that reads as another one', { sub: 'a\u202eb' }, /sub .* leave out U\+202E/],
      ['with a subject that is no text', { sub: 7 }, /sub must be a text/],
      ['with a customer that no order can have', { customer_id: 'a b' }, /customer_id must be 1 to 64/],
      ['when its roles are no list', { roles: 'admin' }, /roles must be a list/],
    ];
    for (const [name, changed, reason] of claims)
      it(name, async () => {
        await assert.rejects(withToken(await sign(ours, changed)), refusedFor(reason));
      });

    it('when it is signed with another key', async () => {
      await assert.rejects(withToken(await sign(others)), refusedFor(/signature is not good/));
    });

    it('when a claim was changed after it was signed', async () => {
      const [header, , signature] = (await sign(ours)).split('.');
      const forged = Buffer.from(JSON.stringify(goodClaims)).toString('base64url');
      await assert.rejects(
        withToken(`${header}.${forged}.${signature}`),
        refusedFor(/signature is not good/),
      );
    });

    it('unsigned, whatever it calls that (alg: none)', async () => {
      for (const alg of ['none', 'None', 'NONE', '']) {
        const token = compact({ alg }, goodClaims, () => '');
        await assert.rejects(withToken(token), refusedFor(/not taken here|no signed JWT|must be: Bearer/));
      }
    });

    it('when the public key, which everybody has, is its HMAC secret', async () => {
      const by = createTokenAuthenticator({ ...settings, keys: rsa.publicKey, algorithms: ['RS256'] });
      for (const secret of [
        rsa.publicKey.export({ type: 'spki', format: 'pem' }),
        rsa.publicKey.export({ type: 'spki', format: 'der' }),
        JSON.stringify(rsa.publicKey.export({ format: 'jwk' })),
      ]) {
        const token = compact({ alg: 'HS256' }, goodClaims, (input) =>
          createHmac('sha256', secret).update(input).digest('base64url'),
        );
        await assert.rejects(withToken(token, by), refusedFor(/signed in a way that is not taken/));
      }
    });

    it('when it brings its own key, or says where to fetch it', async () => {
      const header = { jwk: others.publicKey.export({ format: 'jwk' }), jku: 'https://evil.test/keys' };
      await assert.rejects(withToken(await sign(others, {}, header)), refusedFor(/signature is not good/));
    });

    it('when it says that its signature is of another kind than the key', async () => {
      const both = { ...settings, keys: rsa.publicKey, algorithms: ['RS256', 'ES256'] };
      await assert.rejects(
        withToken(await sign(ours), createTokenAuthenticator(both)),
        refusedFor(/no signed JWT/),
      );
    });

    it('when it is anything but a token', async () => {
      for (const garbage of ['x', 'a.b.c', '...', 'a.b', 'a.b.c.d.e', Buffer.from('{').toString('base64url')])
        await assert.rejects(withToken(garbage), refusedFor(/no signed JWT/));
    });

    it('when it is longer than any honest one', async () => {
      await assert.rejects(withToken('x'.repeat(8_193)), refusedFor(/more than 8192 characters/));
    });
  });

  describe('is not even looked at', () => {
    it('when there is none: the problem says how to send one', async () => {
      await assert.rejects(authenticate(requestWith()), (error: unknown) => {
        assert.ok(error instanceof OrderSystemError && !(error instanceof InvalidToken));
        assert.equal(error.code, 'UNAUTHENTICATED');
        assert.match(error.message, /Authorization: Bearer <token>/);
        return true;
      });
    });

    it('when two are sent, because two readers could take different ones', async () => {
      const token = await sign(ours);
      for (const second of [`Bearer ${token}`, 'Basic bWFyaWE6c2VjcmV0'])
        await assert.rejects(
          authenticate(requestWith(`Bearer ${token}`, second)),
          refusedFor(/several Authorization headers/),
        );
    });

    it('when it is sent in another scheme, or several in one header', async () => {
      const token = await sign(ours);
      for (const header of [
        'Basic bWFyaWE6c2VjcmV0',
        token,
        'Bearer',
        '',
        `Bearer ${token}, Basic bWFyaWE6c2VjcmV0`,
        `Bearer ${token} ${token}`,
      ])
        await assert.rejects(authenticate(requestWith(header)), refusedFor(/must be: Bearer <token>/));
    });
  });
});
