import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { addToEnvironment, isFromStack, settingsOfTools } from '../../../platform/config.ts';
import { jsonText } from '../../../platform/terminal.ts';
import { projectRoot } from '../../support/project-root.ts';

const servers = ['DATABASE_URL', 'PGHOST', 'NATS_URL', 'NATS_USER'];
const stack = { DATABASE_URL: 'postgres://stack/db', NATS_URL: 'nats://stack:4222', STREAM_PREFIX: 'x' };

/** A command that has been told nothing, at ports where nobody listens. */
function run(
  command: string,
  env: Record<string, string>,
  ...args: string[]
): Promise<[code: unknown, said: string[]]> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--import', 'tsx', command, ...args],
      { cwd: projectRoot, env: { PATH: '', ...env } },
      (error, out, err) => {
        resolve([error?.code ?? 0, (out + err).trim().split('\n')]);
      },
    );
  });
}

describe('the settings of a running stack', () => {
  it('are taken where the environment has none', () => {
    const environment: NodeJS.ProcessEnv = { LOG_LEVEL: 'warn', STREAM_PREFIX: 'mine', NATS_USER: '' };
    assert.ok(addToEnvironment(stack, servers, environment));
    assert.equal(environment['DATABASE_URL'], stack.DATABASE_URL);
    assert.equal(environment['STREAM_PREFIX'], 'mine');
    assert.ok(isFromStack('NATS_URL', environment) && !isFromStack('STREAM_PREFIX', environment));
  });

  it('are left alone as a whole where the environment names a server: two installations are not mixed', () => {
    for (const name of servers) {
      const environment: NodeJS.ProcessEnv = { [name]: 'elsewhere' };
      assert.ok(!addToEnvironment(stack, servers, environment));
      assert.deepEqual(
        { ...environment, SETTINGS_FROM_STACK: undefined },
        { [name]: 'elsewhere', SETTINGS_FROM_STACK: undefined },
      );
      assert.ok(!isFromStack('NATS_URL', environment) && !isFromStack('DATABASE_URL', environment));
    }
  });

  it('are taken where the configuration file of Temporal is only turned off', () => {
    const environment: NodeJS.ProcessEnv = { TEMPORAL_CONFIG_FILE: '/dev/null' };
    assert.ok(addToEnvironment(stack, [...servers, 'TEMPORAL_CONFIG_FILE'], environment));
    assert.equal(environment['DATABASE_URL'], stack.DATABASE_URL);
  });

  it('tell commands what the stack itself was told, and nothing about its ports and logs', () => {
    const told = settingsOfTools({
      SAGA_UNDO_ATTEMPTS: '3',
      STREAM_PREFIX: 'x',
      HOST: '::',
      LOG_LEVEL: 'debug',
      PORT: '1',
    });
    assert.deepEqual(told, { SAGA_UNDO_ATTEMPTS: '3', STREAM_PREFIX: 'x' });
  });
});

describe('a maintenance command', function () {
  this.timeout(60_000);
  const nowhere = { DATABASE_URL: 'postgres://ops:secret@127.0.0.1:1/shop', TEMPORAL_ADDRESS: '127.0.0.1:1' };
  const commands: readonly (readonly [command: string, args: string[], says: RegExp])[] = [
    [
      'db/outbox.main.ts',
      ['status'],
      /^PostgreSQL cannot be reached at postgres:\/\/ops@127\.0\.0\.1:1\/shop; .* set DATABASE_URL$/,
    ],
    ['db/migrate.main.ts', [], /^PostgreSQL cannot be reached at .* set DATABASE_URL$/],
    ['projections/parked.main.ts', ['list'], /^PostgreSQL cannot be reached at .* set DATABASE_URL$/],
    [
      'worker/sagas.main.ts',
      ['orphans'],
      /^Temporal cannot be reached at 127\.0\.0\.1:1; .* set TEMPORAL_ADDRESS$/,
    ],
    ['dev/replay.main.ts', ['order-x'], /^Temporal cannot be reached at .* set TEMPORAL_ADDRESS$/],
  ];
  for (const [command, args, says] of commands)
    it(`${command} says what it connects to, and in one line which setting to correct when nobody answers`, async () => {
      const [code, [connects, why, ...more]] = await run(command, nowhere, ...args);
      assert.notEqual(code, 0);
      assert.match(connects ?? '', /^connects to .* \((DATABASE_URL|TEMPORAL_ADDRESS)\)/);
      assert.match(why ?? '', says);
      assert.deepEqual(more, []);
      assert.doesNotMatch(`${connects ?? ''}${why ?? ''}`, /secret/);
    });

  it('names a setting of the stack that cannot be used, and shows no stack trace', async () => {
    const [command, ...args] = ['--import', './dev/running-stack.main.ts', 'db/outbox.main.ts', 'status'];
    const [code, said] = await run(command, { ...nowhere, PORT: 'abc' }, ...args);
    assert.equal(code, 1);
    assert.match(
      said.join('\n'),
      /^the environment has settings that cannot be used:\n {2}PORT=abc: [^\n]*$/,
    );
  });

  it('takes no reason that hides something', async () => {
    for (const [command, ...args] of [
      ['db/outbox.main.ts', 'retry', '1', '--operator', 'maria', '--reason', 'a\u001b[2Jb'],
      ['projections/parked.main.ts', 'retry', '1', '--operator', 'ma\u202eria', '--reason', 'b'],
    ] as const) {
      const [code, said] = await run(command, nowhere, ...args);
      assert.equal(code, 2);
      assert.match(
        said.join(),
        /^--operator and --reason: must be one line of visible characters; leave out U\+/,
      );
    }
  });
});

describe('JSON for a program behind a terminal', () => {
  it('says the same with what a terminal must not get as escapes', () => {
    const value = { cause: 'a\u202eb\u001b[2J\u200b😀é', list: ['\u2028'] };
    const text = jsonText(value);
    assert.deepEqual(JSON.parse(text), value);
    assert.match(text, /^[\n\u0020-\u007e\u00e9]*$/);
  });
});
