import { OUTBOX_SHARDS } from '../../domain/topology.ts';
import type { Knex } from '../connection.ts';
import { installOutbox } from '../outbox/install.ts';

export const OUTBOX_SCHEMA = 'messaging';

export async function up(db: Knex): Promise<void> {
  await installOutbox(db, { schema: OUTBOX_SCHEMA, shards: OUTBOX_SHARDS });
}

export async function down(db: Knex): Promise<void> {
  await db.raw('drop schema messaging cascade');
}
