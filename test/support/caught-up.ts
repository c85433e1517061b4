import type { Knex } from '../../db/connection.ts';
import { backlogOf } from '../../db/outbox/window.ts';

/** Whether relays have published all that is committed. */
export async function isCaughtUp(db: Knex, schema: string, shards = 1): Promise<boolean> {
  for (let shard = 0; shard < shards; shard++) {
    if ((await backlogOf(db, { schema, shard })).rows > 0) return false;
  }
  return true;
}
