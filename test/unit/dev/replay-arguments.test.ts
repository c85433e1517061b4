import assert from 'node:assert/strict';
import { readArguments } from '../../../dev/replay-arguments.ts';

describe('the arguments of npm run replay', () => {
  it('name a workflow or a file', () => {
    assert.deepEqual(readArguments(['order-1']), { kind: 'workflow', workflowId: 'order-1' });
    assert.deepEqual(readArguments(['a/history.json']), { kind: 'file', path: 'a/history.json' });
  });

  it('or all workflows that run, some of them, or those that a filter finds', () => {
    assert.deepEqual(readArguments(['--running']), { kind: 'running', query: undefined, limit: Infinity });
    assert.deepEqual(readArguments(['--running', '--limit', '5', '--query', "WorkflowType = 'a'"]), {
      kind: 'running',
      query: "WorkflowType = 'a'",
      limit: 5,
    });
  });

  for (const [args, says] of [
    [[], /name a workflow or a file, or say --running/],
    [['order-1', 'order-2'], /order-2 is one argument too many/],
    [['--running', 'order-1'], /--running takes no workflow/],
    [['order-1', '--limit', '5'], /--limit and --query go with --running/],
    [['--running', '--limit', '0'], /--limit takes a number from 1 on/],
    [['--all'], /--all/],
  ] as const)
    it(`${args.join(' ') || 'none'}: says what is wrong`, () => {
      assert.throws(() => readArguments(args), says);
    });
});
