import { createHash } from 'node:crypto';

/**
 * The shard of an aggregate that captured tables use: the first two bytes of the id's SHA-256, as a number, modulo
 * the number of shards. All events of an aggregate type must take their shard from one function, this or another;
 * two functions would let two relays publish one aggregate's events side by side.
 */
export const shardOf = (aggregateId: string, shards: number): number =>
  createHash('sha256').update(aggregateId).digest().readUInt16BE(0) % shards;
