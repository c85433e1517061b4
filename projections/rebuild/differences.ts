import type { Knex } from '../../db/connection.ts';
import { withPartition, type Projection } from '../kit/projection.ts';
import { columnOf, type AnyTable } from '../kit/table.ts';

type Kind = 'missing' | 'extra' | 'different';

/** A row that live and built tables do not agree about. */
interface Sample {
  readonly kind: Kind;
  readonly key: Readonly<Record<string, unknown>>;
  /** Columns that differ. */
  readonly columns: readonly string[];
}

/** What is different between a live table and the one that was built. */
export interface TableDifferences {
  readonly table: string;
  /** Why it was not compared; undefined when it was. */
  readonly notCompared?: string;
  readonly liveRows: number;
  readonly builtRows: number;
  /** Rows that only the live table has, that only the built one has, and that hold something else. */
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
  /** The first few of each kind. */
  readonly samples: readonly Sample[];
}

export const isDifferent = ({ missing, extra, different }: TableDifferences): boolean =>
  missing + extra + different > 0;

/**
 * Compares the live tables of a projection with those in `read_next`, in both directions, within the caller's
 * transaction, which must see both at the same place: the columns that both have, row by row; figures as sums over the
 * partitions, rows without any left out.
 */
export async function findDifferences(
  trx: Knex.Transaction,
  { state, figures = [] }: Projection,
): Promise<TableDifferences[]> {
  const found = [await compareTable(trx, state, state, asStored)];
  for (const { table } of figures) found.push(await compareTable(trx, table, withPartition(table), summed));
  return found;
}

type Columns = (schema: string, table: string, key: readonly string[], others: readonly string[]) => string;

async function compareTable(
  trx: Knex.Transaction,
  table: AnyTable,
  stored: AnyTable,
  rowsOf: Columns,
): Promise<TableDifferences> {
  const nothing = {
    table: table.name,
    liveRows: 0,
    builtRows: 0,
    missing: 0,
    extra: 0,
    different: 0,
    samples: [],
  };
  const live = await columnsOf(trx, 'read', table.name);
  if (live.size === 0) return { ...nothing, notCompared: 'there is no such live table' };
  const built = await columnsOf(trx, 'read_next', table.name);
  const declared = Object.keys(table.columns).map(columnOf);
  const shared = declared.filter((column) => live.get(column)?.type === built.get(column)?.type);
  const key = table.key.map(columnOf);
  const liveKey = [...live].filter(([, { isKey }]) => isKey).map(([column]) => column);
  if (
    liveKey.sort().join() !== stored.key.map(columnOf).sort().join() ||
    !key.every((column) => shared.includes(column))
  )
    return { ...nothing, notCompared: 'its rows had another key' };
  const others = shared.filter((column) => !key.includes(column));
  const statement = comparison(
    key,
    others,
    rowsOf('read', table.name, key, others),
    rowsOf('read_next', table.name, key, others),
  );
  const { rows } = await trx.raw<{ rows: [Omit<TableDifferences, 'table'>] }>(statement);
  return { table: table.name, ...rows[0] };
}

interface StoredColumn {
  readonly type: string;
  readonly isKey: boolean;
}

const selectColumns = `
  select attname as name, format_type(atttypid, atttypmod) as type,
    coalesce(attnum = any (indkey), false) as "isKey"
  from pg_attribute
  left join pg_index on indrelid = attrelid and indisprimary
  where attrelid = to_regclass(format('%I.%I', cast(:schema as text), cast(:table as text)))
    and attnum > 0 and not attisdropped and attgenerated = ''`;

/** What a table really has, which another release may have made. */
async function columnsOf(
  trx: Knex.Transaction,
  schema: string,
  table: string,
): Promise<Map<string, StoredColumn>> {
  const { rows } = await trx.raw<{ rows: (StoredColumn & { name: string })[] }>(selectColumns, {
    schema,
    table,
  });
  return new Map(rows.map(({ name, ...column }) => [name, column]));
}

const list = (items: readonly string[]): string => items.join(', ');

const asStored: Columns = (schema, table, key, others) =>
  `select ${list([...key, ...others])} from ${schema}.${table}`;

const summed: Columns = (schema, table, key, others) => `
  select ${list([...key, ...others.map((column) => `sum(${column}) as ${column}`)])}
  from ${schema}.${table}
  group by ${list(key)}
  having ${others.map((column) => `sum(${column}) <> 0`).join(' or ') || 'true'}`;

const SAMPLES = 3;

/** Names come from the declarations of tables. */
function comparison(key: readonly string[], others: readonly string[], live: string, built: string): string {
  const [first = ''] = key;
  const isDistinct = (column: string): string => `l.${column} is distinct from b.${column}`;
  const keyed = list(key.map((column) => `'${column}', coalesce(l.${column}, b.${column})`));
  const changed = list(others.map((column) => `case when ${isDistinct(column)} then '${column}' end`));
  return `
    with compared as materialized (
      select jsonb_build_object(${keyed}) as key,
        case
          when l.${first} is null then 'extra'
          when b.${first} is null then 'missing'
          when ${others.map(isDistinct).join(' or ') || 'false'} then 'different'
        end as kind,
        array_remove(cast(array[${changed}] as text[]), null) as columns
      from (${live}) l
      full join (${built}) b on ${key.map((column) => `l.${column} = b.${column}`).join(' and ')}
    ), numbered as (
      select *, row_number() over (partition by kind order by key) as number from compared where kind is not null
    )
    select
      cast(count(*) filter (where kind is distinct from 'extra') as float8) as "liveRows",
      cast(count(*) filter (where kind is distinct from 'missing') as float8) as "builtRows",
      cast(count(*) filter (where kind = 'missing') as float8) as missing,
      cast(count(*) filter (where kind = 'extra') as float8) as extra,
      cast(count(*) filter (where kind = 'different') as float8) as different,
      coalesce((
        select jsonb_agg(jsonb_build_object('kind', kind, 'key', key,
          'columns', case when kind = 'different' then to_jsonb(columns) else '[]' end))
        from numbered where number <= ${SAMPLES}
      ), '[]') as samples
    from compared`;
}
