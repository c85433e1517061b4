import assert from 'node:assert/strict';
import { commandApiSchema, loadConfig, queryApiSchema, workerSchema } from '../../../platform/config.ts';

describe('settings', () => {
  it('have defaults, and a blank value counts as absent: it is no zero', () => {
    const config = loadConfig(commandApiSchema, { PORT: '', LOG_LEVEL: 'warn', AUTH_DEMO: 'true' });
    assert.deepEqual([config.PORT, config.LOG_LEVEL, config.DATABASE_URL], [3001, 'warn', undefined]);
    const worker = loadConfig(workerSchema, { APPROVAL_LIMIT_MINOR: ' ', AUDIT_INTERVAL_MS: '\t' });
    assert.deepEqual([worker.APPROVAL_LIMIT_MINOR, worker.AUDIT_INTERVAL_MS], [1_000_000, 86_400_000]);
  });

  it('a value that cannot be used is named, all of them at once', () => {
    const environment = {
      PORT: 'eighty',
      INVENTORY_FAILURE_RATE: '1.5',
      SAGA_LOCAL_STEPS: 'inventory,shopping',
    };
    assert.throws(
      () => loadConfig(workerSchema, environment),
      (error: Error) => {
        for (const name of ['PORT=eighty', 'INVENTORY_FAILURE_RATE=1.5', 'SAGA_LOCAL_STEPS='])
          assert.ok(error.message.includes(name));
        return error.name === 'ConfigError';
      },
    );
  });

  it('an address with a password is not repeated in the message', () => {
    assert.throws(
      () => loadConfig(commandApiSchema, { DATABASE_URL: 'mysql://me:secret@host/db' }),
      (error: Error) => error.message.includes('DATABASE_URL') && !error.message.includes('secret'),
    );
  });

  it('a NATS address with credentials is refused, because the client would not use them', () => {
    assert.throws(
      () => loadConfig(workerSchema, { NATS_URL: 'nats://me:secret@host:4222' }),
      (error: Error) => error.message.includes('NATS_URL') && !error.message.includes('secret'),
    );
  });

  it('the dials that break things on purpose turn on loopback alone', () => {
    for (const HOST of ['127.0.0.1', '::1', 'localhost'])
      assert.ok(loadConfig(workerSchema, { FAULT_DIALS: 'true', HOST }).FAULT_DIALS);
    for (const HOST of ['0.0.0.0', '::', '192.168.1.7', 'localhost.example.com'])
      assert.throws(() => loadConfig(workerSchema, { FAULT_DIALS: 'true', HOST }), /FAULT_DIALS=true: /);
  });

  it('orders without a saga are looked for each second at most, or never', () => {
    for (const SAGA_WATCH_INTERVAL_MS of ['0', '1000'])
      assert.equal(
        loadConfig(workerSchema, { SAGA_WATCH_INTERVAL_MS }).SAGA_WATCH_INTERVAL_MS,
        +SAGA_WATCH_INTERVAL_MS,
      );
    assert.throws(
      () => loadConfig(workerSchema, { SAGA_WATCH_INTERVAL_MS: '999' }),
      /INTERVAL_MS=999: .*1000/,
    );
    assert.throws(() => loadConfig(workerSchema, { SAGA_ORPHAN_AFTER_MS: '0' }), /SAGA_ORPHAN_AFTER_MS=0/);
  });

  it('origins and proxies are lists, and each part must be one', () => {
    const config = loadConfig(queryApiSchema, {
      AUTH_DEMO: 'true',
      CORS_ORIGINS: 'https://shop.example.com, http://localhost:5173',
      TRUSTED_PROXIES: '127.0.0.1,10.0.0.0/8,fd00::/8',
    });
    assert.deepEqual(config.CORS_ORIGINS, ['https://shop.example.com', 'http://localhost:5173']);
    assert.deepEqual(config.TRUSTED_PROXIES, ['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);
    assert.deepEqual(loadConfig(queryApiSchema, { AUTH_DEMO: 'true' }).CORS_ORIGINS, []);
    for (const [name, value] of [
      ['CORS_ORIGINS', '*'],
      ['CORS_ORIGINS', 'https://shop.example.com/'],
      ['CORS_ORIGINS', 'shop.example.com'],
      ['TRUSTED_PROXIES', 'proxy.example.com'],
      ['TRUSTED_PROXIES', '10.0.0.0/33'],
      ['TRUSTED_PROXIES', '10.0.0.0/'],
    ] as const)
      assert.throws(() => loadConfig(queryApiSchema, { [name]: value }), new RegExp(`${name}=.*such as`));
  });
});
