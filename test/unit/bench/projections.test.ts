import assert from 'node:assert/strict';
import { escaped, recordEvents } from '../../../bench/projections/copy.ts';
import { situations, timesUntilVisible } from '../../../bench/projections/freshness.ts';
import { eventsOf, interleaved } from '../../../bench/projections/histories.ts';
import { projectionTables, type Measurements } from '../../../bench/projections/report.ts';
import { sides, rateOf } from '../../../bench/projections/throughput.ts';

describe('what the projections benchmark computes', () => {
  it('orders that are under way take turns, and each keeps its own order', () => {
    const histories = [['a1', 'a2', 'a3'], ['b1'], ['c1', 'c2'], ['d1', 'd2']];
    assert.equal([...interleaved(histories, 2)].join(' '), 'a1 b1 a2 a3 c1 c2 d1 d2');
    assert.equal([...interleaved(histories, 1)].join(' '), histories.flat().join(' '));
    assert.deepEqual([...interleaved([], 5)], []);
  });

  it('five orders have 30 events, each with every version from 1 on', () => {
    const versions = new Map<string, number[]>();
    for (const { aggregateId, aggregateVersion } of eventsOf(10, { customers: 3, inFlight: 4 }))
      versions.set(aggregateId, [...(versions.get(aggregateId) ?? []), aggregateVersion]);
    assert.equal(versions.size, 10);
    for (const ordered of versions.values())
      assert.deepEqual(
        ordered,
        ordered.map((_, index) => index + 1),
      );
    assert.equal([...versions.values()].flat().length, 60);
  });

  it('the rate of projectors is that of all their events, from the first start to the last commit', () => {
    const pages = [
      { atMicros: 1_000_000, ids: ['a', 'b'] },
      { atMicros: 9_000_000, ids: [] },
    ];
    assert.deepEqual(
      rateOf([
        { startedAtMicros: 500_000, pages },
        { startedAtMicros: 0, pages: [{ atMicros: 2_000_000, ids: ['c', 'd'] }] },
      ]),
      { events: 4, perSecond: 2 },
    );
  });

  it('each event has its own time until it is visible, and none may be missing', () => {
    const published = new Map([
      ['a', 10_000],
      ['b', 20_000],
    ]);
    const pages = [
      { atMicros: 12_500, ids: ['warm-up', 'a'] },
      { atMicros: 19_000, ids: ['b'] },
    ];
    assert.deepEqual(timesUntilVisible(published, pages), [2.5, 0]);
    assert.throws(() => timesUntilVisible(published, pages.slice(1)), /1 of 2 published events/);
  });

  it('rows for COPY say what the JSON says', () => {
    assert.equal(escaped(String.raw`{"a":"x\n\"y"}`), String.raw`{"a":"x\\n\\"y"}`);
    const { rows, chunks } = recordEvents([...eventsOf(50, { customers: 1, inFlight: 1 })]);
    const lines = Buffer.concat([...chunks])
      .toString()
      .split('\n');
    assert.ok(chunks.length > 1, 'as much as goes into one chunk');
    assert.equal(lines.length, rows + 1);
    assert.match(lines[1] ?? '', /^2\t\{"id":/);
  });

  it('the tables say per round how much of its limit was reached, and whether the aim was met', () => {
    const measurement = (what: string, ...rates: number[]) => ({
      what,
      rates: rates.map((perSecond) => ({ perSecond, cpu: {} })),
    });
    const result = { answered: 1, failed: 0, seconds: 1, p50: 1, cpu: {} };
    const cell = (what: string, perSecond: number, p99: number) => ({
      what,
      rows: 7,
      result: { ...result, perSecond, p99 },
    });
    const routes = ['GET /orders/:id', 'GET /analytics/sales'];
    const measured: Measurements = {
      throughput: {
        events: 100,
        rows: { a: 40, b: 10 },
        rates: [
          measurement(sides.one, 30, 20),
          measurement(sides.rebuild, 30, 34),
          measurement(sides.rows, 100, 100),
        ],
      },
      freshness: [
        { what: situations.moderate, perSecond: 10, p50: 1, p99: 2 },
        { what: situations.rebuilding, perSecond: 10, p50: 1, p99: 5 },
      ],
      reads: {
        rates: routes.flatMap((route) => [
          measurement(`${route}, query API`, 50),
          measurement(`${route}, plain Express, the same bytes`, 100),
        ]),
        cells: [
          {
            what: `${routes[0]}, plain Express, the same bytes`,
            result: { ...result, perSecond: 100, p99: 1, cpu: { server: 0.0002, PostgreSQL: 0.00001 } },
          },
        ],
        bytes: {},
      },
      sales: [cell('few', 10, 2), cell('many', 10, 4)],
    };
    const [throughput, freshness, reads, sales] = projectionTables(measured).map(({ rows }) => rows);
    assert.deepEqual(throughput?.[2]?.slice(2, 6), [
      '50.0',
      '0.25 (0.20–0.30)',
      '0.32 (0.30–0.34)',
      '≥ 0.25: aim met; ≥ 0.35: aim missed',
    ]);
    assert.deepEqual(freshness?.[2]?.slice(-2), ['2.50 (2.50–2.50)', '≤ 2: aim missed']);
    assert.deepEqual(reads?.[1]?.slice(4), ['0.50 (0.50–0.50)', '≥ 0.6: aim missed', '200, 10.0']);
    assert.deepEqual(sales?.[1]?.slice(-2), ['2.00 (2.00–2.00)', '≤ 1.5: aim missed']);
  });
});
