import type { Knex } from 'knex';
import { escapeIdentifier } from 'pg';
import type { OutboxLocation } from './location.ts';
import { run } from './statement.ts';

/** A table of the application whose changes become events. */
export interface TableName {
  readonly schema: string;
  readonly name: string;
}

/** Whatever the names contain, as SQL wants them. */
export const qualified = (schema: string, name: string): string =>
  `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;

const selectMissing = `
  select name
  from unnest(cast($1 as text[])) as name
  where not exists (
    select from pg_catalog.pg_attribute
    where attrelid = cast($2 as regclass) and attname = name and attnum > 0 and not attisdropped
  )`;

/** @throws Error for a column that is not there: it would be missing in every payload, or make every write fail. */
export async function assertColumns(
  db: Knex,
  { schema, name }: TableName,
  columns: readonly string[],
): Promise<void> {
  const missing = await run<{ name: string }>(db, selectMissing, [columns, qualified(schema, name)]);
  if (missing.length === 0) return;
  const names = missing.map((column) => column.name).join(', ');
  throw new Error(`the table ${schema}.${name} has no column ${names}`);
}

/** Fixed with the outbox, so that an aggregate stays in its shard. */
export async function countShards(db: Knex, { schema }: OutboxLocation): Promise<number> {
  const [row] = await run<{ shards: number }>(
    db,
    `select count(*)::integer as shards from ${qualified(schema, 'outbox_cursor')}`,
    [],
  );
  return row?.shards ?? 0;
}
