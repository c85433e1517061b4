import assert from 'node:assert/strict';
import { loadConfig } from '../../../platform/config.ts';
import { NO_CONFIG_FILE } from '../../../platform/temporal/profile.ts';
import { natsServersOf } from '../../../messaging/servers.ts';
import { boundsOf, settingSchemas as schemas } from '../../../dev/setting-docs.ts';

/** Of settings that are no numbers: what is taken, and what is refused. */
const words: Readonly<Record<string, { readonly good: readonly string[]; readonly bad: readonly string[] }>> =
  {
    HOST: {
      good: ['127.0.0.1', '::1', 'localhost'],
      bad: ['http://localhost', 'a host', '127.0.0.1:80', '-'],
    },
    LOG_LEVEL: { good: ['silent', 'trace'], bad: ['loud', 'INFO'] },
    DATABASE_URL: {
      good: [
        'postgres://me:pa%23ss@host:5432/orders',
        'postgresql://host/orders?sslmode=verify-full',
        'postgres://me@/orders?host=/run/postgresql',
      ],
      bad: [
        'mysql://me:secret@host/db',
        'host:5432',
        'postgres://me:sec#ret@host/db',
        'postgres://host:99999/db',
        'postgres://me:secret%e4@host/db',
        'postgres://me:secret@host/db?sslrootcert=/nowhere.pem',
      ],
    },
    NATS_URL: {
      good: [
        'nats://127.0.0.1:4222',
        'tls://nats.example.com',
        'nats://a:4222, nats://b',
        'nats://[::1]:4222',
      ],
      bad: [
        ...[
          'ws://host',
          'wss://host',
          'http://host',
          'host:4222',
          'nats://',
          'nats://a,',
          'nats://a,,nats://b',
        ],
        ...['nats://me:secret@host', 'nats://a,nats://me:secret@b', 'nats://secret@host', 'nats://a,ws://b'],
        ...['nats://a/path', 'nats://a?tls=1', 'nats://a,tls://b', 'nats://a:99999', 'nats://a;nats://b'],
      ],
    },
    NATS_USER: { good: ['worker'], bad: ['u'.repeat(2_001)] },
    NATS_PASSWORD: { good: ['secret'], bad: ['secret'.repeat(400)] },
    STREAM_PREFIX: { good: ['a-B_9', 'p'.repeat(100)], bad: ['a.b', 'a b', 'p'.repeat(101), 'ä'] },
    TEMPORAL_ADDRESS: {
      good: ['127.0.0.1:7233', 'temporal:1', 'name.account.tmprl.cloud:65535', '[::1]:7233'],
      bad: [
        'temporal',
        'http://temporal:7233',
        'temporal:0',
        'temporal:65536',
        '::1:7233',
        'a b:7233',
        ':7233',
      ],
    },
    TEMPORAL_NAMESPACE: {
      good: ['default', 'orders.account', 'n'.repeat(200)],
      bad: ['a b', '-', 'n'.repeat(201)],
    },
    TEMPORAL_API_KEY: { good: ['secret'], bad: ['secret\n', 'my secret', 'sécret', 's'.repeat(8_001)] },
    TEMPORAL_CONFIG_FILE: { good: ['/dev/null'], bad: ['/nowhere.toml', 'package.json'] },
    TEMPORAL_PROFILE: { good: [], bad: ['nobody-has-this'] },
    TEMPORAL_TLS: { good: ['true', 'false', '1', '0'], bad: ['yes', 'TRUE'] },
    TEMPORAL_TLS_CLIENT_CERT_PATH: { good: [], bad: ['/nowhere.pem', 'platform', 'package.json'] },
    TEMPORAL_TLS_CLIENT_CERT_DATA: { good: [], bad: ['secret'] },
    TEMPORAL_TLS_CLIENT_KEY_PATH: { good: [], bad: ['/nowhere.pem', 'platform', 'package.json'] },
    TEMPORAL_TLS_CLIENT_KEY_DATA: { good: [], bad: ['secret'] },
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: { good: [], bad: ['/nowhere.pem', 'platform', 'package.json'] },
    TEMPORAL_TLS_SERVER_CA_CERT_DATA: { good: [], bad: ['secret'] },
    TEMPORAL_TLS_SERVER_NAME: { good: ['temporal.example.com'], bad: ['https://temporal', 'a b'] },
    TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: { good: ['false'], bad: ['true', 'yes'] },
    'TEMPORAL_GRPC_META_*': { good: [], bad: [] },
    TEMPORAL_DEPLOYMENT_NAME: {
      good: ['orders-worker', 'shop/orders_worker', 'd'.repeat(200)],
      bad: ['orders.worker', 'orders:worker', '-', 'd'.repeat(201)],
    },
    TEMPORAL_WORKER_BUILD_ID: {
      good: ['0.2.0', '9f3c1ab', 'v1.0_rc-1+5', 'b'.repeat(200)],
      bad: ['v 1', 'orders:v1', '.1', 'b'.repeat(201)],
    },
    TEMPORAL_UI_URL: {
      good: ['http://127.0.0.1:8233', 'https://ui.example.com/'],
      bad: ['ui', 'ftp://ui', 'javascript:1'],
    },
    AUTH_ISSUER: { good: ['https://login.example.com/'], bad: ['i'.repeat(2_001)] },
    AUTH_AUDIENCE: { good: ['orders'], bad: ['a'.repeat(2_001)] },
    AUTH_JWKS_URL: {
      good: ['https://login.example.com/keys'],
      bad: ['ftp://login.example.com', 'http://login.example.com', 'https://me:secret@login.example.com'],
    },
    AUTH_PUBLIC_KEY: { good: [], bad: ['secret'] },
    AUTH_ALGORITHMS: { good: ['RS256', 'ES256, EdDSA'], bad: ['HS256', 'none', ','] },
    AUTH_DEMO: { good: ['true'], bad: ['yes', '1'] },
    TRUSTED_PROXIES: { good: ['10.0.0.0/8,::1'], bad: ['proxy', '10.0.0.0/33', '0.0.0.0/0', '::/0'] },
    CORS_ORIGINS: { good: ['https://shop.example.com'], bad: ['*', 'https://shop.example.com/'] },
    IDEMPOTENCY_KEY_REQUIRED: { good: ['true', 'false'], bad: ['no'] },
    FAULT_DIALS: { good: ['true', 'false'], bad: ['no'] },
    SAGA_LOCAL_STEPS: {
      good: ['inventory, payments,orders,shipping', ','],
      bad: ['shopping', 'inventory,shop'],
    },
    WORKFLOW_BUNDLE: { good: ['package.json'], bad: ['/nowhere/bundle.js', 'platform'] },
    WORKFLOW_BUNDLE_CACHE: { good: ['cache'], bad: [] },
    DATA_DIR: { good: ['data'], bad: [] },
  };
const alike: Readonly<Record<string, string>> = { READ_DATABASE_URL: 'DATABASE_URL' };

/** Without them the others could not be tried: those that go together, and who is let in. */
const beside: Readonly<Record<string, Record<string, string>>> = {
  DATABASE_POOL_SIZE: { MAX_EXPORTS: '1' },
  MAX_EXPORTS: { DATABASE_POOL_SIZE: '1000' },
  NATS_PASSWORD: { NATS_USER: 'me' },
  TEMPORAL_DEPLOYMENT_NAME: { TEMPORAL_WORKER_BUILD_ID: 'v1' },
  TEMPORAL_WORKER_BUILD_ID: { TEMPORAL_DEPLOYMENT_NAME: 'orders' },
  AUTH_ISSUER: { AUTH_AUDIENCE: 'orders', AUTH_JWKS_URL: 'https://login.example.com/keys' },
  AUTH_AUDIENCE: { AUTH_ISSUER: 'me', AUTH_JWKS_URL: 'https://login.example.com/keys' },
  AUTH_JWKS_URL: { AUTH_ISSUER: 'me', AUTH_AUDIENCE: 'orders' },
};

for (const [process, schema] of Object.entries(schemas))
  describe(`settings of the ${process}`, () => {
    const load = (name: string, value: string): unknown => {
      const config: Record<string, unknown> = loadConfig(schema, {
        AUTH_DEMO: 'true',
        TEMPORAL_CONFIG_FILE: NO_CONFIG_FILE,
        ...beside[name],
        [name]: value,
      });
      return config[name];
    };
    const refusal = (name: string, value: string): string => {
      try {
        load(name, value);
      } catch (error) {
        return (error as Error).message;
      }
      return assert.fail(`${name}=${value.slice(0, 50)} is taken`);
    };

    for (const [name, field] of Object.entries(schema.shape)) {
      const bounds = boundsOf(field, name);
      if (bounds) {
        const { least, most } = bounds;
        const step = most === 1 && least === 0 && name.endsWith('RATE') ? 0.001 : 1;
        it(`${name} works from ${least} to ${most}, and what is beyond is refused with both bounds`, () => {
          assert.equal(load(name, String(least)), least);
          assert.equal(load(name, String(most)), most);
          const above = most === Number.MAX_SAFE_INTEGER ? '9007199254740993' : String(most + step);
          for (const value of [String(least - step), above, 'many', 'Infinity', 'NaN', '1e400'])
            for (const part of [`${name}=${value}`, String(least), String(most)])
              assert.ok(refusal(name, value).includes(part), refusal(name, value));
          if (step === 1) assert.match(refusal(name, `${least}.5`), new RegExp(`${name}=.*whole number`));
        });
      } else
        it(`${name} takes what works and refuses what does not, without telling a secret`, () => {
          const samples = words[alike[name] ?? name] ?? assert.fail(`${name} is not tried`);
          for (const value of samples.good) assert.doesNotThrow(() => load(name, value), value);
          for (const value of samples.bad) {
            assert.match(refusal(name, value), new RegExp(`^ {2}${name}[=:]`, 'm'), value);
            assert.doesNotMatch(refusal(name, value), /secret|sec#ret/);
          }
        });
    }
  });

describe('settings that exclude each other', () => {
  for (const [what, schema, environment, fault] of [
    ['exports that take every connection', schemas['query API'], { MAX_EXPORTS: '10' }, /MAX_EXPORTS=10: /],
    ['a password without its user', schemas.projector, { NATS_PASSWORD: 'secret' }, /NATS_USER: /],
    [
      'a deployment without a build',
      schemas.worker,
      { TEMPORAL_DEPLOYMENT_NAME: 'orders' },
      /TEMPORAL_WORKER_BUILD_ID: must be set together with TEMPORAL_DEPLOYMENT_NAME/,
    ],
    [
      'a build without a deployment',
      schemas.worker,
      { TEMPORAL_WORKER_BUILD_ID: 'v1' },
      /TEMPORAL_DEPLOYMENT_NAME: must be set together with TEMPORAL_WORKER_BUILD_ID/,
    ],
    [
      'an interval below a second',
      schemas.worker,
      { AUDIT_INTERVAL_MS: '999' },
      /AUDIT_INTERVAL_MS=999: .*1000/,
    ],
  ] as const)
    it(`${what} are refused with the variable to change`, () => {
      assert.throws(() => loadConfig(schema, { AUTH_DEMO: 'true', ...environment }), fault);
    });
});

describe('the servers of NATS', () => {
  it('are all that are listed; with tls:// the client refuses to go on without TLS', () => {
    assert.deepEqual(natsServersOf('nats://a:1, nats://b'), { servers: ['a:1', 'b:4222'] });
    assert.deepEqual(natsServersOf('tls://a,tls://[::1]:7'), { servers: ['a:4222', '[::1]:7'], tls: {} });
  });
});
