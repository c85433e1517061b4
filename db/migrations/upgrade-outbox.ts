import { OUTBOX_SHARDS } from '../../domain/topology.ts';
import type { Knex } from '../connection.ts';
import { installOutbox } from '../outbox/install.ts';
import { OUTBOX_SCHEMA } from './0002-outbox.ts';

/** Brings the outbox up to date, from whatever version: each version of it has a migration's name of its own. */
export async function up(db: Knex): Promise<void> {
  await installOutbox(db, { schema: OUTBOX_SCHEMA, shards: OUTBOX_SHARDS });
}

/** What an outbox has become it stays, until 0002 takes it away. */
export const down = (): Promise<void> => Promise.resolve();
