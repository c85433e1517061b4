import assert from 'node:assert/strict';
import { readArguments } from '../../../worker/deployment-arguments.ts';

const none = { ignoreMissingTaskQueues: false, allowNoPollers: false };

describe('the arguments of npm run deployment', () => {
  it('take the build id of the settings where none is named', () => {
    assert.deepEqual(readArguments(['set-current'], 'v2'), {
      name: 'set-current',
      buildId: 'v2',
      allowed: none,
    });
    assert.deepEqual(readArguments(['ramp', '5', 'v3'], 'v2'), {
      name: 'ramp',
      percent: 5,
      buildId: 'v3',
      allowed: none,
    });
    assert.deepEqual(readArguments(['status', '--json'], undefined), { name: 'status', json: true });
  });

  it('give the work back to unversioned workers', () => {
    assert.deepEqual(readArguments(['set-current', '--unversioned'], 'v2'), {
      name: 'set-current',
      buildId: undefined,
      allowed: none,
    });
  });

  it('wait for a limited time', () => {
    assert.deepEqual(readArguments(['drain', 'v1', '--within', '60'], 'v2'), {
      name: 'drain',
      buildId: 'v1',
      withinMs: 60_000,
    });
  });

  for (const [args, says] of [
    [[], /say status, ramp, set-current or drain/],
    [['undo'], /not undo/],
    [['ramp'], /whole number of percent from 0 to 100/],
    [['ramp', '101', 'v1'], /whole number of percent from 0 to 100/],
    [['ramp', '5'], /name the build id/],
    [['set-current', 'v1', 'v2'], /v2 is one argument too many/],
    [['set-current', 'v1', '--unversioned'], /either a build id or --unversioned/],
    [['set-current', 'v1', '--json'], /set-current does not take --json/],
    [['drain'], /name the build id/],
    [['drain', 'v1', '--within', 'soon'], /--within takes seconds/],
  ] as const)
    it(`${args.join(' ') || 'none'}: says what is wrong`, () => {
      assert.throws(() => readArguments(args, undefined), says);
    });
});
