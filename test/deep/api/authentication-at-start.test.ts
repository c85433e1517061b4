import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stackAuthentication } from '../../../dev/stack-key.ts';
import { childEnvironment } from '../../../platform/config.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { createProcesses, entryPoints, type Processes, type ProcessName } from '../../support/processes.ts';
import { projectRoot } from '../../support/project-root.ts';
import { testDataDir } from '../../support/servers.ts';
import { bearer, sign, signingKey } from '../../support/tokens.ts';

const run = promisify(execFile);
const noAuth = {
  AUTH_ISSUER: '',
  AUTH_AUDIENCE: '',
  AUTH_JWKS_URL: '',
  AUTH_PUBLIC_KEY: '',
  AUTH_ALGORITHMS: '',
  AUTH_DEMO: '',
  HOST: '',
};
const node = (entry: string, env: Record<string, string>, ...args: string[]): Promise<{ stdout: string }> =>
  run(process.execPath, ['--import', 'tsx', entry, ...args], {
    cwd: projectRoot,
    env: childEnvironment({ ...noAuth, ...env }),
    timeout: 30_000,
  });

describe('a process that would let in whoever comes', function () {
  this.timeout(60_000);

  const refusesToStart = async (
    entry: string,
    env: Record<string, string>,
    reason: RegExp,
  ): Promise<void> => {
    await assert.rejects(node(`${entry}.ts`, env), (error: { code?: number; stderr?: string }) => {
      assert.equal(error.code, 1);
      assert.match(error.stderr ?? '', reason);
      // Plain words, not a stack trace.
      assert.doesNotMatch(error.stderr ?? '', /^ {4}at /m);
      return true;
    });
  };

  for (const name of ['command-api', 'query-api'] as const) {
    it(`the ${name} does not start when nothing says whose tokens to trust`, () =>
      refusesToStart(entryPoints[name], {}, /AUTH_ISSUER: .*AUTH_AUDIENCE.*AUTH_JWKS_URL.*AUTH_DEMO=true/));

    it(`the ${name} does not start with the demo user where others can reach it`, () =>
      refusesToStart(
        entryPoints[name],
        { AUTH_DEMO: 'true', HOST: '0.0.0.0' },
        /AUTH_DEMO=true: .*HOST=0\.0\.0\.0.*127\.0\.0\.1/,
      ));
  }

  it('the worker does not start with its fault dials where others can reach it', () =>
    refusesToStart(
      entryPoints.worker,
      { FAULT_DIALS: 'true', HOST: '0.0.0.0' },
      /FAULT_DIALS=true: .*127\.0\.0\.1/,
    ));
});

describe('the dev stack', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let processes: Processes<ProcessName>;
  let dataDir: string;

  before(async () => {
    database = await createTestDatabase();
    dataDir = join(await testDataDir(), 'demo');
    processes = await createProcesses(entryPoints, {
      logDir: join(dataDir, 'logs'),
      env: { ...noAuth, ...(await stackAuthentication({}, dataDir)), DATABASE_URL: database.url },
    });
    await processes.start('query-api');
  });
  after(async () => {
    await processes.stopAll();
    await database.drop();
  });

  const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
    (await fetch(processes.urls['query-api'] + path, { headers })).status;
  const tokenFor = async (...args: string[]): Promise<string> =>
    (await node('dev/token.main.ts', { DATA_DIR: dataDir }, ...args)).stdout.trim();

  it('takes whoever has no token for the demo user, who may do everything', async () => {
    assert.equal(await statusOf('/orders'), 200);
    assert.equal(await statusOf('/analytics/sales'), 200);
  });

  it('takes whoever has a token of npm run token for the one it was made for', async () => {
    const customer = bearer(await tokenFor('--role', 'customer', '--customer', 'customer-2'));
    assert.equal(await statusOf('/orders', customer), 200);
    assert.equal(await statusOf('/orders?customerId=customer-1', customer), 403);
    assert.equal(await statusOf('/analytics/sales', customer), 403);
    const analyst = bearer(await tokenFor('--role', 'analyst'));
    assert.equal(await statusOf('/orders', analyst), 403);
    assert.equal(await statusOf('/analytics/sales', analyst), 200);
  });

  it('does not fall back to the demo user for a token that is not good', async () => {
    assert.equal(await statusOf('/orders', bearer(await sign(signingKey()))), 401);
    assert.equal(await statusOf('/orders', { authorization: 'Basic eDp5' }), 401);
    assert.equal(await statusOf('/orders', { authorization: '' }), 401);
  });
});
