import assert from 'node:assert/strict';
import fc from 'fast-check';
import { awaitKey } from '../../../api/commands/await-key.ts';
import { isolateFailures } from '../../../api/commands/isolate-failures.ts';
import { markAsDatabaseError } from '../../../db/database-failures.ts';
import { OrderSystemError } from '../../../domain/errors.ts';

const written = (items: readonly number[]): PromiseSettledResult<number>[] =>
  items.map((value) => ({ status: 'fulfilled', value }));

describe('a batch that cannot be written as a whole', () => {
  it('nobody fails but the culprits, and what is written is written once', () =>
    fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 50 }), async (isCulprit) => {
        const kept: number[] = [];
        const items = isCulprit.map((_, index) => index);
        const outcomes = await isolateFailures(items, (some) => {
          if (some.some((item) => isCulprit[item])) return Promise.reject(new Error('a constraint'));
          kept.push(...some);
          return Promise.resolve(written(some));
        });
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          isCulprit.map((fails) => (fails ? 'rejected' : 'fulfilled')),
        );
        assert.deepEqual(
          kept,
          items.filter((item) => !isCulprit[item]),
        );
      }),
    ));

  it('is not tried again when the database is out of reach: the commit may have come through', async () => {
    let attempts = 0;
    const gone = Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
    markAsDatabaseError(gone);
    const outcomes = await isolateFailures([1, 2, 3], () => {
      attempts += 1;
      return Promise.reject(gone);
    });
    assert.equal(attempts, 1);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as unknown)),
      [gone, gone, gone],
    );
  });
});

describe('an idempotency key that is in use', () => {
  const inUse = new OrderSystemError('IDEMPOTENCY_KEY_IN_USE', 'in use');

  it('is waited for, and its repeat gets the answer', async () => {
    let attempts = 0;
    const answer = await awaitKey(() => {
      attempts += 1;
      return attempts < 3 ? Promise.reject(inUse) : Promise.resolve('the same');
    });
    assert.deepEqual([answer, attempts], ['the same', 3]);
  });

  it('is given up after the bound, and no other error is tried again', async () => {
    await assert.rejects(
      awaitKey(() => Promise.reject(inUse), 20),
      inUse,
    );
    let attempts = 0;
    await assert.rejects(
      awaitKey(() => {
        attempts += 1;
        return Promise.reject(new Error('other'));
      }),
      /other/,
    );
    assert.equal(attempts, 1);
  });
});
