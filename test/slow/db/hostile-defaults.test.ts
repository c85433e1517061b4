import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { childEnvironment } from '../../../platform/config.ts';
import { projectRoot } from '../../support/project-root.ts';
import { natsUrl, postgresUrl } from '../../support/servers.ts';

/** What PostgreSQL and NATS are enough for; `system/hostile-defaults.test.ts` has whole orders and their figures. */
const suites = [
  ...['activities/inventory', 'outbox/relay', 'outbox/partitions', 'outbox/capture', 'projections/parking'],
  ...['analytics/sales', 'api/place-orders'],
].map((name) => `test/integration/${name}.test.ts`);

describe('a database whose defaults are all hostile', function () {
  this.timeout(600_000);

  it('makes no difference to stock, the outbox, its partitions, captured tables, parked events, figures and placing', async () => {
    const child = spawn(
      process.execPath,
      ['node_modules/mocha/bin/mocha.js', '--reporter', 'dot', ...suites],
      {
        cwd: projectRoot,
        env: childEnvironment({
          TEST_HOSTILE_DEFAULTS: 'true',
          TEST_DATABASE_URL: await postgresUrl(),
          TEST_NATS_URL: await natsUrl(),
        }),
      },
    );
    const output: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => output.push(text));
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(code, 0, output.join(''));
  });
});
