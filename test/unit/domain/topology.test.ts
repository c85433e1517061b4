import assert from 'node:assert/strict';
import fc from 'fast-check';
import { timeOfUuidV7 } from '../../../domain/ids.ts';
import { createTopology, OUTBOX_SHARDS, PARTITIONS, partitionOf, shardOf } from '../../../domain/topology.ts';
import { newId } from '../../../platform/clock.ts';

describe('names that processes agree on', () => {
  it('the partition of an id never changes: moving an order between partitions would lose its order', () => {
    const ids = [
      '0198c5b2-0000-7000-8000-000000000001',
      '0198c5b2-0000-7000-8000-000000000002',
      'COFFEE-1KG',
    ];
    assert.deepEqual(ids.map(partitionOf), [7, 2, 1]);
    // Published test vector of 32-bit FNV-1a: foobar → 0xbf9cf968.
    assert.equal(partitionOf('foobar'), 0xbf9cf968 % PARTITIONS);
  });

  it('every id has a partition and a shard, and many ids use all of them', () => {
    const [partitions, shards] = [new Set<number>(), new Set<number>()];
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        partitions.add(partitionOf(id));
        shards.add(shardOf(id));
      }),
      { numRuns: 500 },
    );
    assert.deepEqual(
      [...partitions].sort(),
      Array.from({ length: PARTITIONS }, (_, index) => index),
    );
    assert.deepEqual(
      [...shards].sort(),
      Array.from({ length: OUTBOX_SHARDS }, (_, index) => index),
    );
  });

  it('subjects say partition, type and id; a prefix keeps stacks apart', () => {
    const event = { aggregateType: 'order', aggregateId: 'COFFEE-1KG', type: 'OrderCreated' };
    assert.equal(createTopology().subjectOf(event), 'orders.1.OrderCreated.COFFEE-1KG');
    assert.equal(
      createTopology('t1-').subjectOf({ ...event, aggregateType: 'stock' }),
      't1-products.1.OrderCreated.COFFEE-1KG',
    );
    assert.notEqual(createTopology('a').nudge(0), createTopology('b').nudge(0));
  });

  it('a new id tells when it was made, another UUID does not', () => {
    const before = Date.now();
    const made = timeOfUuidV7(newId());
    assert.ok(made !== undefined && made >= before && made <= Date.now());
    assert.equal(timeOfUuidV7('6ba7b810-9dad-41d1-80b4-00c04fd430c8'), undefined);
  });
});
