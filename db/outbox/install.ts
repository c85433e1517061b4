import type { Knex } from 'knex';
import { BEGINNING, type OutboxLocation } from './location.ts';
import { createAhead } from './schema/ahead.ts';
import { createCapture } from './schema/capture.ts';
import { fixSettings } from './schema/fixed-settings.ts';
import { pageFunction } from './schema/page-function.ts';
import { partitionFunctions } from './schema/partition-functions.ts';
import { partitionByDay } from './schema/partitioning.ts';
import { readingFunctions } from './schema/reading-functions.ts';
import { createSession } from './schema/session.ts';
import { createParking, createTables } from './schema/tables.ts';

/**
 * Creates the outbox and the relay's own tables in a schema, or brings what an earlier version installed up to date.
 * Several callers at once wait for each other.
 * @param shards how many relays share the work; fixed for the life of the outbox.
 * @param version an earlier one, to try the way from there; else the newest.
 */
export async function installOutbox(
  db: Knex,
  {
    schema,
    shards,
    version = steps.length,
  }: OutboxLocation & { readonly shards: number; readonly version?: number },
): Promise<void> {
  await db.transaction(async (trx) => {
    await trx.raw('select pg_advisory_xact_lock(hashtext(?))', [`outbox ${schema}`]);
    await trx.raw(createVersion, { schema });
    const { rows } = await trx.raw<{ rows: { version: number }[] }>(readVersion, { schema });
    const installed = rows[0]?.version ?? 0;
    for (const step of steps.slice(installed, version)) await trx.raw(step, { schema });
    await trx.raw(writeVersion, { schema, version: Math.max(installed, version) });
    await trx.raw(createCursors, { schema, shards });
  });
}

const createVersion = `
  create schema if not exists :schema:;
  create table if not exists :schema:.outbox_version (version integer not null);
`;
// The first version kept no record of itself.
const readVersion = `
  select coalesce(
    (select max(version) from :schema:.outbox_version),
    case when to_regclass(format('%I.outbox_cursor', cast(:schema as text))) is null then 0 else 1 end
  ) as version`;
const writeVersion = `
  with old as (delete from :schema:.outbox_version)
  insert into :schema:.outbox_version values (:version)`;

const createCursors = `
  insert into :schema:.outbox_cursor (shard, snapshot_from)
  select shard, '${BEGINNING}' from generate_series(0, :shards - 1) as shard
  on conflict do nothing
`;

/** What each version added; only ever appended to. */
const steps: readonly string[] = [
  createTables,
  createParking,
  createCapture,
  partitionByDay + partitionFunctions,
  pageFunction,
  createSession,
  readingFunctions,
  createAhead,
  fixSettings,
];
