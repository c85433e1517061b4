import { OUTBOX_SHARDS } from '../../domain/topology.ts';
import type { Knex } from '../connection.ts';
import { installOutbox } from '../outbox/install.ts';
import { OUTBOX_SCHEMA } from './0002-outbox.ts';

/** Brings an outbox that 0002 made earlier up to date. */
export async function up(db: Knex): Promise<void> {
  await installOutbox(db, { schema: OUTBOX_SCHEMA, shards: OUTBOX_SHARDS });
}

/** The outbox is only ever brought forward. */
export const down = (): Promise<void> => Promise.resolve();
