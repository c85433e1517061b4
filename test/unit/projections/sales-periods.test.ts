import assert from 'node:assert/strict';
import fc from 'fast-check';
import { salesQuerySchema, salesQuestion } from '../../../api/analytics/sales-query.ts';
import { addDays, clockOf, dayAt } from '../../../platform/calendar.ts';
import { bucketsOf } from '../../../projections/queries/sales-periods.ts';
import { salesGrains } from '../../../projections/sales.ts';

const QUARTER_MS = 15 * 60_000;

/** Quarter of an hour → what it is counted for. @throws when it is counted twice */
function countedFor(query: object): Map<number, string> {
  const question = salesQuestion(salesQuerySchema.parse(query), new Date(0));
  const counted = new Map<number, string>();
  for (const { from, to, label, isPrevious } of bucketsOf(question, salesGrains.orders))
    for (let quarter = from; quarter < to; quarter += QUARTER_MS) {
      assert.ok(!counted.has(quarter), `${new Date(quarter).toISOString()} is counted twice`);
      counted.set(quarter, isPrevious ? `${label} before` : label);
    }
  return counted;
}

/** The same, by asking for the day of each quarter. */
function asked(
  from: string,
  to: string,
  timeZone: string,
  labelOf: (day: string) => string,
): Map<number, string> {
  const clock = clockOf(timeZone);
  const counted = new Map<number, string>();
  for (
    let quarter = Date.parse(addDays(from, -2));
    quarter < Date.parse(addDays(to, 3));
    quarter += QUARTER_MS
  ) {
    const day = dayAt(clock(quarter));
    if (day >= from && day <= to) counted.set(quarter, labelOf(day));
  }
  return counted;
}

describe('the buckets of a period of sales', () => {
  // St. John's went back at 00:01, from a new day to the old one; Monrovia was off by 44 minutes and 30 seconds; Apia
  // has left out a day.
  const changes = [
    { timeZone: 'Europe/Berlin', day: '2026-03-29' },
    { timeZone: 'America/Havana', day: '2026-11-01' },
    { timeZone: 'America/Havana', day: '2026-03-08' },
    { timeZone: 'America/St_Johns', day: '2010-11-07' },
    { timeZone: 'Africa/Monrovia', day: '1972-01-07' },
    { timeZone: 'Pacific/Apia', day: '2011-12-30' },
    { timeZone: 'Australia/Lord_Howe', day: '2026-04-05' },
    { timeZone: 'Asia/Kathmandu', day: '1986-01-01' },
    { timeZone: 'UTC', day: '2026-01-01' },
  ];

  it('are each quarter of its days once, however clocks are changed', () => {
    for (const { timeZone, day } of changes) {
      const [from, to] = [addDays(day, -3), addDays(day, 3)];
      assert.deepEqual(
        sorted(countedFor({ from, to, timeZone })),
        sorted(asked(from, to, timeZone, (of) => of)),
        timeZone,
      );
    }
  });

  it('are those of any days, zone and unit', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Intl.supportedValuesOf('timeZone').filter((zone) => zone.includes('/'))),
        fc.integer({ min: 0, max: 25_000 }),
        fc.integer({ min: 0, max: 40 }),
        fc.constantFrom('day', 'total'),
        (timeZone, start, days, by) => {
          const from = addDays('1970-01-10', start);
          const to = addDays(from, days);
          assert.deepEqual(
            sorted(countedFor({ from, to, timeZone, by })),
            sorted(asked(from, to, timeZone, (day) => (by === 'day' ? day : from))),
          );
        },
      ),
      { numRuns: 50 },
    );
  });

  it('of a period before are counted for the days that they are compared with', () => {
    const labels = new Set(
      countedFor({ from: '2026-03-01', to: '2026-04-30', by: 'month', compare: 'previous' }).values(),
    );
    assert.deepEqual([...labels], ['2026-03-01 before', '2026-04-01 before', '2026-03-01', '2026-04-01']);
    const days = countedFor({ from: '2026-03-02', to: '2026-03-03', compare: 'previous' });
    assert.equal(days.get(Date.parse('2026-02-28T12:00:00Z')), '2026-03-02 before');
    assert.equal(days.get(Date.parse('2026-03-03T12:00:00Z')), '2026-03-03');
  });
});

const sorted = (counted: ReadonlyMap<number, string>): [number, string][] =>
  [...counted].sort(([a], [b]) => a - b);
