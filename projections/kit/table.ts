/** What a column holds; with a question mark it may be null. Times are ISO 8601 texts on our side. */
export type ColumnType =
  `${'uuid' | 'text' | 'smallint' | 'integer' | 'bigint' | 'boolean' | 'jsonb' | 'timestamptz' | 'text[]'}${'' | '?'}`;

/** A read table as its projection declares it: the kit makes it, reads it and writes it. */
export interface Table<Row> {
  /** Without a schema: the live table, the one that is being built and the one before differ in nothing else. */
  readonly name: string;
  /** A field `placedAt` is the column `placed_at`. */
  readonly columns: Readonly<Record<keyof Row & string, ColumnType>>;
  readonly key: readonly (keyof Row & string)[];
  /** By name: what follows `create index … on <table>`. Say for which query each one is. */
  readonly indexes?: Readonly<Record<string, string>>;
  /** Columns that PostgreSQL computes: `tsvector generated always as (…) stored`. No row of ours holds them. */
  readonly computed?: Readonly<Record<string, string>>;
}

/** A table without the type of its rows. */
export type AnyTable = Table<Record<string, unknown>>;

export const columnOf = (field: string): string =>
  field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export const sqlTypeOf = (type: ColumnType): string => type.replace('?', '');

/** A row as pg gives it, in the types of ours: it sends bigints as texts and times as dates. */
export function decodeRow<Row>({ columns }: Table<Row>, row: Readonly<Record<string, unknown>>): Row {
  const decoded: Record<string, unknown> = {};
  for (const [field, type] of Object.entries<ColumnType>(columns)) {
    const value = row[field];
    const isBigint = type === 'bigint' || type === 'bigint?';
    if (value instanceof Date) decoded[field] = value.toISOString();
    else decoded[field] = isBigint && value !== null ? Number(value) : value;
  }
  return decoded as Row;
}
