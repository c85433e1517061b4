import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { shareReading } from '../../../platform/shared-gauges.ts';

interface Backlog {
  readonly rows: number;
  readonly shards: readonly number[];
}

describe('gauges that share a reading', () => {
  const registryOf = (read: () => Promise<Backlog>): Registry => {
    const registry = new Registry();
    shareReading(registry, read, [
      { name: 'before', help: 'x', values: ({ rows }) => [{ value: rows }] },
      {
        name: 'by_shard',
        help: 'x',
        labelNames: ['shard'],
        values: ({ shards }) => shards.map((shard) => ({ labels: { shard }, value: 1 })),
      },
      { name: 'after', help: 'x', values: ({ rows }) => [{ value: rows }] },
    ]);
    return registry;
  };
  const shown = async (registry: Registry): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

  it('each shows what is true at its scrape, the first and the last, for one reading', async () => {
    let rows = 0;
    const registry = registryOf(() => Promise.resolve({ rows: ++rows, shards: [] }));
    assert.deepEqual(await shown(registry), ['before 1', 'after 1']);
    assert.deepEqual(await shown(registry), ['before 2', 'after 2']);
  });

  it('scrapes at the same time that began in different turns have a reading each', async () => {
    let rows = 0;
    const registry = registryOf(async () => {
      const reading = { rows: ++rows, shards: [] };
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
      return reading;
    });
    const first = shown(registry);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      [await first, await shown(registry)],
      [
        ['before 1', 'after 1'],
        ['before 2', 'after 2'],
      ],
    );
  });

  it('show nothing while the reading fails, and nothing of a label that is gone', async () => {
    const readings: (Backlog | undefined)[] = [
      { rows: 1, shards: [0, 1] },
      { rows: 1, shards: [1] },
      undefined,
      { rows: 0, shards: [] },
    ];
    const registry = registryOf(() => {
      const next = readings.shift();
      return next ? Promise.resolve(next) : Promise.reject(new Error('out of reach'));
    });
    assert.deepEqual(await shown(registry), [
      'before 1',
      'by_shard{shard="0"} 1',
      'by_shard{shard="1"} 1',
      'after 1',
    ]);
    assert.deepEqual(await shown(registry), ['before 1', 'by_shard{shard="1"} 1', 'after 1']);
    assert.deepEqual(await shown(registry), []);
    assert.deepEqual(await shown(registry), ['before 0', 'after 0']);
  });
});
