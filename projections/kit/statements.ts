import { columnOf, sqlTypeOf, type AnyTable, type ColumnType } from './table.ts';

// SQL from the declarations of tables: names and types come from this code and never from a request.

/** Where a table is: live, being built beside it, or kept for a roll-back. */
export type ReadSchema = 'read' | 'read_next' | 'read_previous';

const entries = ({ columns }: AnyTable): [string, ColumnType][] => Object.entries(columns);
const list = (items: readonly string[]): string => items.join(', ');

export function createTable(schema: ReadSchema, table: AnyTable): string[] {
  const columns = entries(table).map(
    ([field, type]) => `${columnOf(field)} ${sqlTypeOf(type)}${type.endsWith('?') ? '' : ' not null'}`,
  );
  const computed = Object.entries(table.computed ?? {}).map(([name, sql]) => `${name} ${sql}`);
  const key = `primary key (${list(table.key.map(columnOf))})`;
  return [
    `create table ${schema}.${table.name} (${list([...columns, ...computed, key])})`,
    ...Object.entries(table.indexes ?? {}).map(
      ([name, definition]) => `create index ${name} on ${schema}.${table.name} ${definition}`,
    ),
  ];
}

/** `order_id as "orderId", …`: what `decodeRow` takes. */
export const selectList = (table: AnyTable): string =>
  list(entries(table).map(([field]) => `${columnOf(field)} as "${field}"`));

/** The rows with these keys, of a table with a key of one column; reads its primary key. Binding: `keys`. */
export function selectByKey(schema: ReadSchema, table: AnyTable): string {
  const [key = ''] = table.key;
  return `select ${selectList(table)} from ${schema}.${table.name} where ${columnOf(key)} = any(:keys)`;
}

/** Rows as they are now. Binding: `rows`, a JSON array. */
export const upsert = (schema: ReadSchema, table: AnyTable): string =>
  insertInto(schema, table, (column) => `excluded.${column}`);

/** Rows of figures to be added to those that are there. Binding: `rows`, a JSON array. */
export const addTo = (schema: ReadSchema, table: AnyTable): string =>
  insertInto(schema, table, (column) => `t.${column} + excluded.${column}`);

function insertInto(schema: ReadSchema, table: AnyTable, changed: (column: string) => string): string {
  const columns = list(entries(table).map(([field]) => columnOf(field)));
  const fields = list(entries(table).map(([field]) => `"${field}"`));
  const record = list(entries(table).map(([field, type]) => `"${field}" ${sqlTypeOf(type)}`));
  const updates = entries(table)
    .map(([field]) => field)
    .filter((field) => !table.key.includes(field))
    .map((field) => `${columnOf(field)} = ${changed(columnOf(field))}`);
  return `insert into ${schema}.${table.name} as t (${columns})
    select ${fields} from json_to_recordset(cast(:rows as json)) as r (${record})
    on conflict (${list(table.key.map(columnOf))}) do update set ${list(updates)}`;
}
