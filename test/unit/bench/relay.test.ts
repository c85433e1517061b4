import assert from 'node:assert/strict';
import { timesBetween } from '../../../bench/relay/latency.ts';
import { inTurn, type Measurement, type Side } from '../../../bench/relay/rates.ts';
import { relayTables } from '../../../bench/relay/report.ts';
import { createWaits, shortened } from '../../../bench/relay/waits.ts';
import { ways } from '../../../bench/scenarios/relay.ts';

describe('what the relay benchmark computes', () => {
  const cpu = { relay: 0.00001 };

  it('every round measures all sides, there and back', async () => {
    const order: string[] = [];
    const side = (what: string): Side => ({
      what,
      measure: () => {
        order.push(what);
        return Promise.resolve({ perSecond: order.length, cpu: {} });
      },
    });
    const measured = await inTurn(
      [side('a'), side('b')],
      (done) => done < 3,
      () => undefined,
    );
    assert.equal(order.join(''), 'abbaab');
    assert.deepEqual(
      measured.map(({ what, rates }) => [what, ...rates.map(({ perSecond }) => perSecond)]),
      [
        ['a', 1, 4, 5],
        ['b', 2, 3, 6],
      ],
    );
  });

  it('each event of a transaction has its own way to the stream, and none may be missing', () => {
    const commits = [
      { aggregateId: 'a', events: 3, atMicros: 10_000 },
      { aggregateId: 'b', events: 1, atMicros: 20_000 },
    ];
    const arrivals = [
      { aggregateId: 'a', events: 1, atMicros: 9_000 },
      { aggregateId: 'warm-up', events: 1, atMicros: 9_000 },
      { aggregateId: 'a', events: 2, atMicros: 14_000 },
      { aggregateId: 'b', events: 1, atMicros: 22_500 },
    ];
    assert.deepEqual(timesBetween(commits, arrivals), [0, 4, 4, 2.5]);
    assert.throws(() => timesBetween(commits, arrivals.slice(1)), /2 of 3 events of a arrived/);
  });

  it('what was waited for is added up by its kind, the longest first', () => {
    const waits = createWaits();
    waits.add('page', 1);
    waits.add('publish', 5);
    waits.add('page', 2);
    assert.deepEqual(waits.all(), [
      { what: 'publish', times: 1, seconds: 5 },
      { what: 'page', times: 2, seconds: 3 },
    ]);
    assert.equal(shortened('\n  select 1\n    from  x'), 'select 1 from x');
  });

  it('the fastest way from memory is the limit, and an aim is met by the median of the rounds', () => {
    const of = (what: string, ...rates: number[]): Measurement => ({
      what,
      rates: rates.map((perSecond) => ({ perSecond, cpu })),
    });
    const none = { latency: [], idle: [], writer: [], shards: [], backlog: [] };
    const tables = relayTables({
      ...none,
      limits: [
        of('relay', 95, 90, 20),
        ...ways.map(({ what }, index) => of(what, 100 - index, 100 - index, 100 - index)),
        of('peer', 1, 1, 1),
      ],
      history: { rates: [of('0', 100, 100), of('many', 95, 95)], latencies: [] },
      snapshot: [of('alone', 100, 100), of('beside', 90, 90)],
    });
    const rowsOf = (title: string): readonly (readonly string[])[] =>
      tables.find((table) => table.title.startsWith(title))?.rows ?? [];
    assert.deepEqual(
      rowsOf('Throughput').map((row) => row.slice(2, 4)),
      [
        ['', ''],
        ['0.90 (0.20–0.95)', '≥ 0.9: aim met'],
        ['0.91 (0.20–0.96)', ''],
        ['0.92 (0.20–0.97)', ''],
        ['90.0 (20.0–95.0)', ''],
      ],
    );
    assert.equal(rowsOf('Rows that were')[1]?.at(-1), '≥ 0.9: aim met');
    assert.equal(rowsOf('Beside an open snapshot')[1]?.at(-1), '≥ 0.95: aim missed');
  });
});
