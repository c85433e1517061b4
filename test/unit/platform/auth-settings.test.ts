import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { authSettingsOf } from '../../../platform/auth-settings.ts';
import { commandApiSchema, ConfigError, loadConfig, queryApiSchema } from '../../../platform/config.ts';

const pem = (keys: { publicKey: { export(as: { type: 'spki'; format: 'pem' }): string | Buffer } }): string =>
  String(keys.publicKey.export({ type: 'spki', format: 'pem' }));

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' });

const issuer = { AUTH_ISSUER: 'https://login.test', AUTH_AUDIENCE: 'orders' };
const url = { AUTH_JWKS_URL: 'https://login.test/keys' };
const load = (environment: Record<string, string>): ReturnType<typeof authSettingsOf> =>
  authSettingsOf(loadConfig(commandApiSchema, environment));

describe('settings of authentication', () => {
  it('an issuer, an audience and where the keys are will do', () => {
    assert.deepEqual(load({ ...issuer, ...url }), {
      tokens: {
        issuer: 'https://login.test',
        audience: 'orders',
        keys: new URL('https://login.test/keys'),
        algorithms: ['RS256', 'ES256', 'EdDSA'],
        clockToleranceS: 5,
      },
      demo: false,
    });
  });

  it('a key may be given as PEM, also in one line, or as JWK, and is used as what it is', () => {
    for (const AUTH_PUBLIC_KEY of [
      pem(p256),
      pem(p256).replaceAll('\n', '\\n'),
      JSON.stringify(p256.publicKey.export({ format: 'jwk' })),
    ])
      assert.deepEqual(load({ ...issuer, AUTH_PUBLIC_KEY }).tokens?.algorithms, ['ES256']);
    assert.deepEqual(
      load({ ...issuer, AUTH_PUBLIC_KEY: pem(rsa), AUTH_ALGORITHMS: 'ES256, PS256,RS256' }).tokens
        ?.algorithms,
      ['PS256', 'RS256'],
    );
  });

  it('the demo needs nothing else, and may have a key beside it', () => {
    assert.deepEqual(load({ AUTH_DEMO: 'true' }), { tokens: undefined, demo: true });
    assert.equal(load({ AUTH_DEMO: 'true', ...issuer, ...url }).demo, true);
  });

  const loopbackOnly: [name: string, environment: Record<string, string>, message: RegExp][] = [
    '0.0.0.0',
    '::',
    '10.0.0.1',
  ].map((HOST) => [
    `the demo on ${HOST}`,
    { AUTH_DEMO: 'true', HOST },
    /^ {2}AUTH_DEMO=true: .*127\.0\.0\.1.*AUTH_ISSUER/m,
  ]);
  const refused: typeof loopbackOnly = [
    [
      'nothing at all',
      {},
      /^ {2}AUTH_ISSUER: .*AUTH_ISSUER, AUTH_AUDIENCE.*AUTH_JWKS_URL.*AUTH_PUBLIC_KEY.*AUTH_DEMO=true/m,
    ],
    ...loopbackOnly,
    [
      'the demo on every address, with an issuer',
      { AUTH_DEMO: 'true', HOST: '0.0.0.0', ...issuer, ...url },
      /AUTH_DEMO=true/,
    ],
    ['no audience', { AUTH_ISSUER: 'x', ...url }, /^ {2}AUTH_AUDIENCE: is missing/m],
    ['no issuer', { AUTH_AUDIENCE: 'x', ...url }, /^ {2}AUTH_ISSUER: is missing/m],
    ['no key', issuer, /^ {2}AUTH_JWKS_URL: is missing/m],
    [
      'two kinds of keys',
      { ...issuer, ...url, AUTH_PUBLIC_KEY: pem(rsa) },
      /^ {2}AUTH_PUBLIC_KEY=…: is set beside/m,
    ],
    [
      'keys that come in the clear',
      { ...issuer, AUTH_JWKS_URL: 'http://login.test/k' },
      /AUTH_JWKS_URL=…: must begin with https/,
    ],
    [
      'a password in an address',
      { ...issuer, AUTH_JWKS_URL: 'https://a:secret@b.test/k' },
      /AUTH_JWKS_URL=…: must hold no user/,
    ],
    ['what is no address', { ...issuer, AUTH_JWKS_URL: 'login' }, /AUTH_JWKS_URL=…: must look like/],
    ['what is no key', { ...issuer, AUTH_PUBLIC_KEY: 'secret' }, /AUTH_PUBLIC_KEY=…: must be a public key/],
    [
      'a shared secret',
      { ...issuer, AUTH_PUBLIC_KEY: '{"kty":"oct","k":"c2VjcmV0"}' },
      /AUTH_PUBLIC_KEY=…: must be a public key/,
    ],
    [
      'a private key as PEM',
      { ...issuer, AUTH_PUBLIC_KEY: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string },
      /AUTH_PUBLIC_KEY=…: is a private key/,
    ],
    [
      'a private key as JWK',
      { ...issuer, AUTH_PUBLIC_KEY: JSON.stringify(p256.privateKey.export({ format: 'jwk' })) },
      /AUTH_PUBLIC_KEY=…: is a private key/,
    ],
    [
      'a weak key',
      { ...issuer, AUTH_PUBLIC_KEY: pem(generateKeyPairSync('rsa', { modulusLength: 1_024 })) },
      /AUTH_PUBLIC_KEY=…: has 1024 bits/,
    ],
    [
      'an algorithm that does not fit',
      { ...issuer, AUTH_PUBLIC_KEY: pem(p384) },
      /AUTH_ALGORITHMS: .*: ES384$/m,
    ],
    [
      'HMAC',
      { ...issuer, ...url, AUTH_ALGORITHMS: 'RS256,HS256' },
      /AUTH_ALGORITHMS=RS256,HS256: must be a list of RS256/,
    ],
    ['no signature', { ...issuer, ...url, AUTH_ALGORITHMS: 'none' }, /AUTH_ALGORITHMS=none: must be/],
    [
      'a tolerance that lets expired tokens live',
      { ...issuer, ...url, AUTH_CLOCK_TOLERANCE_S: '3600' },
      /AUTH_CLOCK_TOLERANCE_S=3600/,
    ],
  ];
  for (const [name, environment, message] of refused)
    it(`${name} is refused by both APIs, with the variable and the fix`, () => {
      for (const schema of [commandApiSchema, queryApiSchema])
        assert.throws(
          () => loadConfig(schema, environment),
          (error: unknown) => {
            assert.ok(error instanceof ConfigError);
            assert.match(error.message, message);
            return !/secret|BEGIN/.test(error.message.replace('-----BEGIN PUBLIC KEY-----', ''));
          },
        );
    });
});
