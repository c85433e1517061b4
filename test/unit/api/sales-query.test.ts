import assert from 'node:assert/strict';
import { salesQuerySchema, salesQuestion } from '../../../api/analytics/sales-query.ts';

const now = new Date('2026-03-10T23:20:00Z');
const ask = (query: object): ReturnType<typeof salesQuestion> =>
  salesQuestion(salesQuerySchema.parse(query), now);
const daysOf = (query: object): [string, string] => {
  const { firstDay, lastDay } = ask(query);
  return [firstDay, lastDay];
};

describe('the period that sales are asked for', () => {
  it('without dates is today and the 30 days before, of the time zone', () => {
    assert.deepEqual(daysOf({}), ['2026-02-08', '2026-03-10']);
    assert.deepEqual(daysOf({ timeZone: 'Europe/Berlin' }), ['2026-02-09', '2026-03-11']);
  });

  it('without dates is twelve weeks or months, with the present one', () => {
    assert.deepEqual(daysOf({ by: 'week' }), ['2025-12-22', '2026-03-15']);
    assert.deepEqual(daysOf({ by: 'month' }), ['2025-04-01', '2026-03-31']);
  });

  it('a plain date in `to` is included, a moment is not', () => {
    assert.deepEqual(daysOf({ from: '2026-03-01', to: '2026-03-01' }), ['2026-03-01', '2026-03-01']);
    assert.deepEqual(daysOf({ from: '2026-03-01', to: '2026-03-02T00:00:00Z' }), [
      '2026-03-01',
      '2026-03-01',
    ]);
  });

  it('times must be on a quarter of an hour, in any time zone', () => {
    const { earliest } = ask({ from: '2026-03-01T12:15:00+05:45', to: '2026-03-02' });
    assert.equal(earliest.toISOString(), '2026-03-01T06:30:00.000Z');
    assert.throws(() => ask({ from: '2026-03-01T12:10:00Z' }), /quarter of an hour/);
  });

  it('begins before it ends', () => {
    for (const query of [
      { from: '2026-03-05', to: '2026-03-01' },
      { from: '2026-03-05T10:00:00Z', to: '2026-03-05T10:00:00Z' },
      { from: '2026-03-05', to: '2026-03-05T00:00:00Z' },
    ])
      assert.throws(() => ask(query), /must be before to/);
  });

  it('the one before is directly before, as long', () => {
    const before = (query: object): unknown => ask({ ...query, compare: 'previous' }).previous;
    assert.deepEqual(before({ from: '2026-03-01', to: '2026-03-31' }), {
      firstDay: '2026-01-29',
      days: 31,
      months: 0,
    });
    assert.deepEqual(before({ by: 'week', from: '2026-03-02', to: '2026-03-15' }), {
      firstDay: '2026-02-16',
      days: 14,
      months: 0,
    });
    assert.deepEqual(before({ by: 'month', from: '2026-01-01', to: '2026-02-28' }), {
      firstDay: '2025-11-01',
      days: 0,
      months: 2,
    });
  });
});
