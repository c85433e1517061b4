import type { Knex } from 'knex';
import { installOutbox } from '../../../../db/outbox/index.ts';

// doc: outbox
export const outbox = { schema: 'outbox' };
/** Relays that share the work; fixed for the life of the outbox. */
export const SHARDS = 2;

export const install = (db: Knex): Promise<void> => installOutbox(db, { ...outbox, shards: SHARDS });
// end doc
