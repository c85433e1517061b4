import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { allOrNone } from '../../../dev/all-or-none.ts';
import { stackSchema } from '../../../dev/dev-config.ts';
import { createInterruptHandler } from '../../../dev/interrupts.ts';
import { createTail, shortForm } from '../../../dev/log-lines.ts';
import { portsInUse } from '../../../dev/stack-settings.ts';
import { loadConfig } from '../../../platform/config.ts';

describe('npm start', () => {
  it('one Ctrl-C stops, though npm passes the signal on a second time; a later one kills', () => {
    let now = 0;
    const calls: string[] = [];
    const onInterrupt = createInterruptHandler({
      stop: () => calls.push('stop'),
      kill: () => calls.push('kill'),
      now: () => now,
    });
    onInterrupt();
    now = 30;
    onInterrupt();
    assert.deepEqual(calls, ['stop']);
    now = 2_000;
    onInterrupt();
    assert.deepEqual(calls, ['stop', 'kill']);
  });

  it('shows warnings and errors of the processes in one line, and nothing else', () => {
    assert.equal(
      shortForm('{"level":"warn","msg":"slow","err":{"message":"timeout"}}'),
      'warn: slow: timeout',
    );
    assert.equal(shortForm('{"level":50,"msg":"broken"}'), 'error: broken');
    assert.equal(shortForm('{"level":"info","msg":"listening"}'), undefined);
    assert.equal(shortForm('{ not json'), undefined);
  });

  it('shows nothing of a log that would act on the terminal: not even the end of one that is reported', () => {
    assert.equal(
      shortForm('{"level":"warn","msg":"a\\u001b[2J\\nerror: b"}'),
      'warn: a⟨U+001B⟩[2J⟨U+000A⟩error: b',
    );
    const tail = createTail(2);
    for (const line of ['x', 'a\u001b[2J', 'b\u202e']) tail.add(line);
    assert.equal(tail.text(), 'a⟨U+001B⟩[2J\nb⟨U+202E⟩');
  });

  it('a server that is given needs no port of ours', () => {
    const variables = (environment: NodeJS.ProcessEnv): string[] =>
      portsInUse(loadConfig(stackSchema, environment)).map(({ variable }) => variable);
    assert.ok(variables({}).includes('POSTGRES_PORT'));
    assert.ok(!variables({ DATABASE_URL: 'postgres://host/db' }).includes('POSTGRES_PORT'));
  });

  it('when one part cannot start, the others give up before the failure is told', async () => {
    const ended: string[] = [];
    const slow = async (signal: AbortSignal): Promise<void> => {
      await pause(10_000, undefined, { signal }).catch(() => ended.push('slow gave up'));
    };
    const broken = (): Promise<void> => Promise.reject(new Error('port taken'));
    await assert.rejects(allOrNone([slow, broken], new AbortController().signal), /port taken/);
    assert.deepEqual(ended, ['slow gave up']);
  });
});
