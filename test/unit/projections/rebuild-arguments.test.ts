import assert from 'node:assert/strict';
import { projections } from '../../../projections/projections.ts';
import { parseRequest, UsageError } from '../../../projections/rebuild/arguments.ts';

describe('arguments of a rebuild', () => {
  const names = (...args: string[]): string[] =>
    parseRequest(args, projections).wanted.map(({ name }) => name);

  it('names projections, or all', () => {
    assert.deepEqual(names('sales'), ['sales']);
    assert.deepEqual(names('sales', 'orders'), ['orders', 'sales']);
    assert.deepEqual(
      names('all'),
      projections.map(({ name }) => name),
    );
  });

  it('say one thing to do', () => {
    assert.deepEqual(parseRequest(['sales', '--incomplete'], projections), {
      wanted: projections.filter(({ name }) => name === 'sales'),
      action: 'rebuild',
      incomplete: true,
    });
    assert.equal(parseRequest(['all', '--rollback'], projections).action, 'rollback');
  });

  const refused: readonly [string[], RegExp][] = [
    [[], /name at least one/],
    [['ordres', 'sale'], /no projection ordres, sale/],
    [['all', 'sales'], /all already names/],
    [['sales', '--check', '--rollback'], /--check and --rollback are different/],
    [['sales', '--check', '--incomplete'], /goes not with --check/],
    [['sales', '--chek'], /--chek/],
  ];
  for (const [args, why] of refused)
    it(`refuses: ${args.join(' ') || 'nothing'}`, () => {
      assert.throws(
        () => parseRequest(args, projections),
        (error) => error instanceof UsageError && why.test(error.message),
      );
    });
});
