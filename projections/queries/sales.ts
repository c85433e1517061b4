import { readPages, type Statement } from '../../db/read-pages.ts';
import type { Knex } from '../../db/connection.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { minorSumOf, type MinorSum } from '../../domain/money.ts';
import type { OrderStatus } from '../../domain/order.ts';
import { salesGrains } from '../sales.ts';
import { bucketsOf, type SalesPeriod } from './sales-periods.ts';

/** Which sales, and how they are summed up. */
export interface SalesQuestion extends SalesPeriod {
  readonly group: 'none' | 'sku' | 'status';
  readonly sku?: string | undefined;
  readonly status?: OrderStatus | undefined;
  /** Whether days, weeks or months without orders are there, for whatever has orders at another time. */
  readonly fill: boolean;
}

/** Money in minor units. Sold are orders that were completed and not undone: COMPLETED, SHIPPED, DELIVERED. */
export interface SalesSums {
  readonly orders: number;
  readonly completed: number;
  readonly cancelled: number;
  readonly refunded: number;
  /** Pieces sold. */
  readonly quantity: number;
  /** Of what was sold. */
  readonly revenue: MinorSum;
  /** Of all, whatever became of it. */
  readonly amount: MinorSum;
}

export interface SalesSum extends SalesSums {
  /** Of the day, week or month; a day that is the same in all rows of a total. */
  readonly firstDay: string;
  /** '' where it is not grouped by. */
  readonly sku: string;
  readonly status: string;
  readonly currency: string;
  /** Null where no period before was asked for. */
  readonly previous: SalesSums | null;
}

/**
 * Sums of both periods. A row of `read.sales` is of a line, or of a whole order where its `sku` is ''. Each stretch of
 * buckets is summed by itself, which is a range of an index.
 */
const sumsOf = (rows: string): string => `
  with figures as (
    select is_previous, label, sku_key, case when :group = 'status' then status else '' end as status_key, currency,
      sum(orders) as orders,
      coalesce(sum(orders) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0) as completed,
      coalesce(sum(orders) filter (where status = 'CANCELLED'), 0) as cancelled,
      coalesce(sum(orders) filter (where status = 'REFUNDED'), 0) as refunded,
      coalesce(sum(quantity) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0) as quantity,
      coalesce(sum(amount_minor) filter (where status in ('COMPLETED', 'SHIPPED', 'DELIVERED')), 0) as revenue,
      sum(amount_minor) as amount
    from unnest(cast(:grains as smallint[]), cast(:begins as timestamptz[]), cast(:ends as timestamptz[]),
      cast(:labels as date[]), cast(:arePrevious as boolean[])) as stretch (width, begins, ends, label, is_previous)
    cross join lateral (
      select case when :group = 'sku' then sku else '' end as sku_key, currency, status, sum(orders) as orders,
        sum(quantity) as quantity, sum(amount_minor) as amount_minor
      from read.sales
      where grain = width and bucket >= begins and bucket < ends and ${rows}
        and status = coalesce(cast(:status as text), status)
      group by 1, 2, 3
    ) as summed
    group by is_previous, label, sku_key, status_key, currency
    having sum(orders) <> 0 or sum(quantity) <> 0 or sum(amount_minor) <> 0
  )`;

/** Whole orders: a range of the index sales_whole_orders. Lines: one of the primary key. */
const sums = {
  orders: sumsOf("sku = ''"),
  lines: sumsOf("sku <> ''"),
  product: sumsOf('sku = :sku'),
};

// Sums of bigints are numerics. Counts are far inside the safe integers; sums of money stay texts, and are read exactly.
const ofOnePeriod = `
  select to_char(label, 'YYYY-MM-DD') as "firstDay", sku_key as sku, status_key as status, currency,
    orders::float8, completed::float8, cancelled::float8, refunded::float8, quantity::float8, revenue::text,
    amount::text, null as previous
  from figures
  order by label, sku_key, status_key, currency`;

/** Rows for what is in either period, and with \`fill\` for each day, week or month of it. */
const ofAllRows = `, keys as (
    select label, sku_key, status_key, currency from figures
    union
    select cast(day as date), sku_key, status_key, currency
    from (select distinct sku_key, status_key, currency from figures) as seen
    cross join generate_series(date_trunc(:step, cast(:firstDay as date)), cast(:lastDay as date),
      cast('1 ' || :step as interval)) as day
    where cast(:isFilled as boolean)
  )
  select to_char(label, 'YYYY-MM-DD') as "firstDay", sku_key as sku, status_key as status, currency,
    coalesce(f.orders, 0)::float8 as orders, coalesce(f.completed, 0)::float8 as completed,
    coalesce(f.cancelled, 0)::float8 as cancelled, coalesce(f.refunded, 0)::float8 as refunded,
    coalesce(f.quantity, 0)::float8 as quantity, coalesce(f.revenue, 0)::text as revenue,
    coalesce(f.amount, 0)::text as amount,
    case when cast(:isCompared as boolean) then jsonb_build_object('orders', coalesce(p.orders, 0),
      'completed', coalesce(p.completed, 0), 'cancelled', coalesce(p.cancelled, 0),
      'refunded', coalesce(p.refunded, 0), 'quantity', coalesce(p.quantity, 0), 'revenue', coalesce(p.revenue, 0)::text,
      'amount', coalesce(p.amount, 0)::text) end as previous
  from keys
  left join (select * from figures where not is_previous) f using (label, sku_key, status_key, currency)
  left join (select * from figures where is_previous) p using (label, sku_key, status_key, currency)
  order by label, sku_key, status_key, currency`;

/** Sums by day, product or status and currency, in this order; what has no orders is left out unless it is filled. */
export async function* readSales(
  db: Knex,
  question: SalesQuestion,
  options: { readonly signal: AbortSignal; readonly stepMs?: number | undefined },
): AsyncGenerator<readonly SalesSum[], void, undefined> {
  const statement = statementOf(await cutToSales(db, question));
  for await (const page of readPages<SalesSum>(db, statement, options)) yield page.map(withExactSums);
}

/** @param row with its sums of money as digits */
const withExactSums = (row: SalesSum): SalesSum => ({
  ...row,
  ...exact(row),
  previous: row.previous && { ...row.previous, ...exact(row.previous) },
});
const exact = ({ revenue, amount }: SalesSums): Pick<SalesSums, 'revenue' | 'amount'> => ({
  revenue: minorSumOf(String(revenue)),
  amount: minorSumOf(String(amount)),
});

const withLimit = '\n  limit :limit';

/** The same at once, with one statement. @returns undefined when there are more than so many rows */
export async function findSales(
  db: Knex,
  question: SalesQuestion,
  limit: number,
): Promise<readonly SalesSum[] | undefined> {
  const { sql, bindings } = statementOf(await cutToSales(db, question));
  const limited = sql + withLimit;
  const { rows } = await db.raw<{ rows: SalesSum[] }>(limited, { ...bindings, limit: limit + 1 });
  return rows.length > limit ? undefined : rows.map(withExactSums);
}

const MOST_YEARS = 100;
const YEAR_MS = 366 * 24 * 3_600_000;

// Both are ends of the primary key.
const selectExtent = 'select min(bucket) as first, max(bucket) as last from read.sales where grain = 1440';

/** A period of more than some years, cut to those in which there are sales: each of its days costs something. */
async function cutToSales(db: Knex, question: SalesQuestion): Promise<SalesQuestion> {
  const { earliest, latest } = question;
  if (latest.getTime() - earliest.getTime() < 4 * YEAR_MS) return question;
  const { rows } = await db.raw<{ rows: [{ first: Date | null; last: Date | null }] }>(selectExtent);
  const [{ first, last }] = rows;
  if (!first || !last) return { ...question, latest: earliest };
  const cut = {
    ...question,
    earliest: new Date(Math.max(earliest.getTime(), first.getTime())),
    // What comes before the sales are read is not later than that.
    latest: new Date(Math.min(latest.getTime(), last.getTime() + YEAR_MS)),
  };
  // The times of orders are data: one that says year 1 must not make this count the days since.
  if (cut.latest.getTime() - cut.earliest.getTime() > MOST_YEARS * YEAR_MS)
    throw new OrderSystemError(
      'VALIDATION_FAILED',
      `the sales of this period are of more than ${MOST_YEARS} years; ask for a shorter one with from and to`,
    );
  return cut;
}

/** With several products in an order, only its lines tell which is which. */
function statementOf({ group, sku, status, previous, fill, ...period }: SalesQuestion): Statement {
  const { by, firstDay, lastDay } = period;
  const isFilled = fill && by !== 'total';
  const ofLines = sku === undefined ? 'lines' : 'product';
  const rows = group === 'sku' || sku !== undefined ? ofLines : 'orders';
  const buckets = bucketsOf({ ...period, previous }, salesGrains[rows === 'orders' ? 'orders' : 'lines']);
  return {
    sql: sums[rows] + (isFilled || previous ? ofAllRows : ofOnePeriod),
    bindings: {
      ...{ group, firstDay, lastDay, isFilled },
      grains: buckets.map(({ grain }) => grain),
      begins: buckets.map(({ from }) => new Date(from)),
      ends: buckets.map(({ to }) => new Date(to)),
      labels: buckets.map(({ label }) => label),
      arePrevious: buckets.map(({ isPrevious }) => isPrevious),
      ...(sku === undefined ? {} : { sku }),
      status: status ?? null,
      step: by === 'total' ? 'day' : by,
      isCompared: previous !== undefined,
    },
  };
}
