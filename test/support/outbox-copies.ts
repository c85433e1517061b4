import type { Knex } from '../../db/connection.ts';

const selectTables = `
  select relname as name from pg_class
  where relnamespace = cast(? as regnamespace) and relkind in ('r', 'p') and not relispartition
  order by relname`;

const selectSequences = `
  select attrelid::regclass::text as table, attname as column
  from pg_attribute join pg_class on pg_class.oid = attrelid
  where relnamespace = cast(? as regnamespace) and attidentity <> '' and not relispartition`;

/**
 * Fills the tables of a schema that exists in both databases as a restored dump does: every column of every row as
 * it was, transaction ids and snapshots too, and the sequences where they were.
 */
export async function copySchemaData(from: Knex, to: Knex, schema: string): Promise<void> {
  const tables = await from.raw<{ rows: { name: string }[] }>(selectTables, [schema]);
  for (const { name } of tables.rows) {
    const { rows } = await from.raw<{ rows: { data: string }[] }>(
      "select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text as data from ??.?? t",
      [schema, name],
    );
    await to.raw('delete from ??.??', [schema, name]);
    await to.raw(
      'insert into ??.?? overriding system value select * from jsonb_populate_recordset(null::??.??, ?)',
      [schema, name, schema, name, rows[0]?.data ?? '[]'],
    );
  }
  const sequences = await from.raw<{ rows: { table: string; column: string }[] }>(selectSequences, [schema]);
  for (const { table, column } of sequences.rows) {
    const { rows } = await from.raw<{ rows: { last: string; used: boolean }[] }>(
      `select last_value as last, is_called as used from ${await sequenceOf(from, table, column)}`,
    );
    const target = await sequenceOf(to, table, column);
    await to.raw('select setval(?, ?, ?)', [target, rows[0]?.last ?? 1, rows[0]?.used ?? false]);
  }
}

async function sequenceOf(db: Knex, table: string, column: string): Promise<string> {
  const { rows } = await db.raw<{ rows: { name: string }[] }>('select pg_get_serial_sequence(?, ?) as name', [
    table,
    column,
  ]);
  return rows[0]?.name ?? '';
}

const selectNextXid = `select pg_snapshot_xmax(pg_current_snapshot())::text as next`;

/** The transaction id that the server gives out next. */
export async function nextXid(db: Knex): Promise<bigint> {
  const { rows } = await db.raw<{ rows: { next: string }[] }>(selectNextXid);
  return BigInt(rows[0]?.next ?? 0);
}

/** Uses up transaction ids until the server is past one, as other work on it would. */
export async function burnXids(db: Knex, past: bigint): Promise<void> {
  await db.raw(
    `do $$ begin
      while pg_current_xact_id() < cast('${past}' as xid8) loop
        commit;
      end loop;
    end $$`,
  );
}
