import assert from 'node:assert/strict';
import { readArguments } from '../../../worker/sagas-arguments.ts';

const ID = '01890000-0000-7000-8000-000000000000';

describe('the arguments of npm run sagas', () => {
  it('name what is to be done', () => {
    assert.deepEqual(readArguments(['orphans']), { name: 'orphans', json: false });
    assert.deepEqual(readArguments(['orphans', '--json']), { name: 'orphans', json: true });
    assert.deepEqual(readArguments(['show', ID]), { name: 'show', orderId: ID });
    assert.deepEqual(readArguments(['restart', ID]), { name: 'restart', orderId: ID });
    assert.deepEqual(readArguments(['restart', '--all']), { name: 'restart-all' });
  });

  const wrong: readonly [string[], RegExp][] = [
    [[], /say orphans, show or restart/],
    [['revive'], /not revive/],
    [['orphans', ID], /orphans takes --json alone/],
    [['show'], /an order id alone/],
    [['show', ID, '--all'], /an order id alone/],
    [['show', 'order-1'], /order-1 is not an order id/],
    [['show', ID, '--json'], /show does not take --json/],
    [['restart'], /either an order id or --all/],
    [['restart', ID, '--all'], /either an order id or --all/],
    [['restart', 'order-1'], /order-1 is not an order id/],
    [['restart', ID, '--json'], /does not take --json/],
    [['restart', ID, ID], /one argument too many/],
    [['orphans', '--yaml'], /--yaml/],
  ];
  for (const [args, message] of wrong)
    it(`are refused with a reason: ${args.join(' ') || 'none'}`, () => {
      assert.throws(() => readArguments(args), message);
    });
});
