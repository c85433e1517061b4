import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { parseStat, ticksOfTree } from '../../../bench/measure/cpu.ts';
import { closedLoop, openLoop } from '../../../bench/measure/loops.ts';
import { largestItems, type Profile } from '../../../bench/measure/profile.ts';
import { percentile, ratioOf, spreadOf } from '../../../bench/measure/statistics.ts';
import { figure, markdown, spreadText } from '../../../bench/measure/table.ts';

describe('what benchmarks compute', () => {
  it('a percentile is a value that was measured, at the nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    assert.equal(percentile(values, 0.5), 50);
    assert.equal(percentile(values, 0.99), 99);
    assert.equal(percentile(values, 1), 100);
    assert.equal(percentile([7], 0.5), 7);
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });

  it('the median of an even number of values lies between the two in the middle', () => {
    assert.deepEqual(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3 });
    assert.deepEqual(spreadOf([4, 1, 10, 2]), { median: 3, min: 1, max: 10 });
  });

  it('a ratio is taken within each round, so that a slow round cancels out', () => {
    assert.deepEqual(ratioOf([50, 5, 40], [100, 10, 80]), { median: 0.5, min: 0.5, max: 0.5 });
  });

  it('a table is Markdown with a dash for what could not be measured', () => {
    const rows = [['a', spreadText({ median: 123.4, min: 12.34, max: Number.NaN }), figure(1.234)]];
    assert.equal(
      markdown({ title: 'T', head: ['', 'x', 'y'], rows }),
      '**T**\n\n|  | x | y |\n| --- | --: | --: |\n| a | 123 (12.3––) | 1.23 |\n',
    );
  });

  it('the CPU of a process has its children that ended, and its living ones but those with a name of their own', () => {
    const stat = (pid: number, parent: number, [user, system, ended]: readonly number[]): string =>
      `${pid} (a (b) c) S ${parent} 1 1 0 -1 0 0 0 0 0 ${user ?? 0} ${system ?? 0} ${ended ?? 0} 0 20 0 1`;
    const stats = [stat(1, 0, [10, 1, 5]), stat(2, 1, [20, 2]), stat(3, 2, [40, 4]), stat(4, 1, [100])].map(
      parseStat,
    );
    assert.equal(ticksOfTree(stats, 1), 16 + 22 + 44 + 100);
    assert.equal(ticksOfTree(stats, 1, [1, 4]), 16 + 22 + 44);
    assert.ok(Number.isNaN(ticksOfTree(stats, 5)), 'a process that is not there has no figure');
  });

  it('a profile counts each function by itself over all threads, in the period, without idle time', () => {
    const frame = (functionName: string, url = ''): Profile['nodes'][number]['callFrame'] => ({
      functionName,
      url,
      lineNumber: 0,
    });
    const thread: Profile = {
      nodes: [
        { id: 1, callFrame: frame('(idle)') },
        { id: 2, callFrame: frame('work', 'node:x') },
        { id: 3, callFrame: frame('(garbage collector)') },
      ],
      startTime: 0,
      samples: [2, 2, 1, 3, 2],
      timeDeltas: [0, 100, 30, 500, 10],
    };
    const { items, busySeconds } = largestItems([thread, thread], { from: 50, to: 1_000 }, 5);
    // From 50 on: work for 30, idle for 500, the collector for 10; twice.
    assert.deepEqual(items, [
      { name: 'work (node:x:1)', share: 0.75 },
      { name: '(garbage collector)', share: 0.25 },
    ]);
    assert.equal(busySeconds, 80 / 1_000_000);
  });
});

describe('the loops of benchmarks', () => {
  const window = { warmUpMs: 0, measureMs: 1_000, processes: {} };

  it('a closed loop keeps as many acts under way as it was told, and ends when there is nothing left', async () => {
    let [running, most, left] = [0, 0, 25];
    const { count } = await closedLoop(5, window, async () => {
      if (left === 0) return false;
      left -= 1;
      running += 1;
      most = Math.max(most, running);
      await pause(20);
      running -= 1;
      return true;
    });
    assert.equal(most, 5);
    assert.ok(count > 0 && count <= 20, `the first of each lane is its warm-up, at least; ${count} counted`);
  });

  it('a failing act fails the measurement', async () => {
    const fail = (): Promise<boolean> => Promise.reject(new Error('refused'));
    await assert.rejects(closedLoop(2, window, fail), /refused/);
    await assert.rejects(openLoop(100, window, fail), AggregateError);
  });

  it('an open loop cannot be told to keep no rate', async () => {
    await assert.rejects(
      openLoop(0, window, () => Promise.resolve()),
      RangeError,
    );
  });
});
