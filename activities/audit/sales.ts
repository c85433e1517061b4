import type { Knex } from '../../db/connection.ts';
import type { Check, Facts, Subject } from './check.ts';
import { heldBack } from './held-back.ts';
import { inSnapshot, snapshotOf, untilSettled, type Sources } from './sources.ts';

/** What is added up: orders, pieces, and minor units. */
type Figures = readonly [orders: number, quantity: number, amountMinor: string | number];
/** By product (`''` for whole orders), currency and status. */
type Sums = ReadonlyMap<string, Figures>;

/** Quarters of an hour that are summed at once: some three weeks. */
const PAGE_SIZE = 2_000;
const QUARTER_MS = 15 * 60_000;
const DAY_MS = 24 * 3_600_000;

/** One quarter of an hour, by when orders were placed. */
export interface SalesFacts extends Facts {
  readonly sold: Sums;
  readonly shown: Sums;
  /** Wider buckets that begin with it and are not the sum of their quarters, in words. */
  readonly wrongRollUps: readonly string[];
}

const NONE: Figures = [0, 0, 0];

const check: Check<SalesFacts> = {
  name: 'sales',
  holds:
    'read.sales adds up what orders and their lines come to, by quarter of an hour, product, currency and status',
  advice: 'Run `npm run audit -- --repair`, which rebuilds the projection `sales` from the stream.',
  repair: { projections: ['sales'] },
  judge: ({ sold, shown }) => {
    const wrong = [...new Set([...sold.keys(), ...shown.keys()])].flatMap((key) => {
      const [is, says] = [sold.get(key) ?? NONE, shown.get(key) ?? NONE];
      return is.join() === says.join() ? [] : [`${key}: ${describe(is)} in fact, ${describe(says)} shown`];
    });
    return listed(wrong);
  },
};

const rollUpCheck: Check<SalesFacts> = {
  name: 'sales-roll-ups',
  holds: 'hours, quarters of a day and days in read.sales are the sums of their quarters of an hour',
  advice: check.advice,
  repair: { projections: ['sales'] },
  isExact: true,
  judge: ({ wrongRollUps }) => listed(wrongRollUps),
};

function listed(wrong: readonly string[]): string | undefined {
  const more = wrong.length > 3 ? `; and ${wrong.length - 3} more` : '';
  return wrong.length > 0 ? wrong.slice(0, 3).join('; ') + more : undefined;
}

const describe = ([orders, quantity, amount]: Figures): string =>
  `${orders} orders of ${quantity} pieces for ${amount}`;

const bucket = `date_bin('15 minutes', o.placed_at, timestamptz '2000-01-01 00:00+00')`;

const selectSold = `
  with placed as (
    select ${bucket} as bucket, o.id, o.currency, o.status, o.total_minor, l.quantity
    from orders.orders o
    cross join lateral (select sum(quantity) as quantity from orders.order_lines where order_id = o.id) l
    where o.placed_at >= :from and o.placed_at < :to
  )
  select bucket, '' as sku, currency, status, cast(count(*) as float8) as orders,
    cast(coalesce(sum(quantity), 0) as float8) as quantity, cast(sum(total_minor) as text) as amount
  from placed
  group by bucket, currency, status
  union all
  select p.bucket, l.sku, p.currency, p.status, cast(count(*) as float8), cast(sum(l.quantity) as float8),
    cast(sum(l.quantity * l.unit_price_minor) as text)
  from placed p
  join orders.order_lines l on l.order_id = p.id
  group by p.bucket, l.sku, p.currency, p.status`;

// Versions only grow: where their sum is the same, no order of the quarter has changed.
const selectVersions = `
  select ${bucket} as bucket, cast(sum(o.version) as float8) as versions
  from orders.orders o
  where o.placed_at >= :from and o.placed_at < :to
  group by 1`;

const selectHeld = `select ${bucket} as bucket from orders.orders o where o.id = any(:ids)`;

const selectShown = `
  select bucket, sku, currency, status, cast(sum(orders) as float8) as orders,
    cast(sum(quantity) as float8) as quantity, cast(sum(amount_minor) as text) as amount
  from read.sales
  where grain = 15 and bucket >= :from and bucket < :to
  group by bucket, sku, currency, status
  having sum(orders) <> 0 or sum(quantity) <> 0 or sum(amount_minor) <> 0`;

const selectQuarters = `select distinct ${bucket} as bucket from orders.orders o`;
// Those in which there are sales, and those with which a wider bucket of them begins.
const selectShownQuarters = `
  select bucket from read.sales
  union
  select date_bin(minutes * interval '1 minute', bucket, timestamptz '2000-01-01 00:00+00')
  from (select distinct bucket from read.sales where grain = 15) as quarters
  cross join (values (60), (360), (1440)) as wide (minutes)`;

// Of whole orders there are buckets of each width, of lines days alone.
const selectWrongRollUps = `
  with kept as (
    select grain, bucket, sku, currency, status, sum(orders) as orders, sum(quantity) as quantity,
      sum(amount_minor) as amount
    from read.sales
    where bucket >= :from and bucket < :end
    group by grain, bucket, sku, currency, status
  ), added as (
    select minutes as grain, date_bin(minutes * interval '1 minute', bucket, timestamptz '2000-01-01 00:00+00') as bucket,
      sku, currency, status, sum(orders) as orders, sum(quantity) as quantity, sum(amount) as amount
    from kept
    join (values (60), (360), (1440)) as wide (minutes) on sku = '' or minutes = 1440
    where grain = 15
    group by 1, 2, 3, 4, 5
  )
  select bucket, grain as minutes, sku, currency, status
  from added
  full join (select * from kept where grain > 15) as wide using (grain, bucket, sku, currency, status)
  where bucket >= :from and bucket < :to
    and (coalesce(added.orders, 0), coalesce(added.quantity, 0), coalesce(added.amount, 0))
      <> (coalesce(wide.orders, 0), coalesce(wide.quantity, 0), coalesce(wide.amount, 0))
  order by 1, 2, 3, 4, 5`;

interface Row {
  readonly bucket: Date;
  readonly sku: string;
  readonly currency: string;
  readonly status: string;
  readonly orders: number;
  readonly quantity: number;
  /** Digits: a double would round the sum. */
  readonly amount: string;
}

interface Period {
  readonly from: Date;
  readonly to: Date;
}

/** @param blamed orders that were found wrong themselves: what adds them up differs for that, and counts as held */
export function auditedSales(sources: Sources, blamed: readonly string[]): Subject<SalesFacts> {
  const { db, readDb } = sources;
  return { name: 'quarter of an hour from', checks: [check, rollUpCheck], pages, gather };

  async function* pages(): AsyncGenerator<readonly string[]> {
    const sold = await inSnapshot(db, (trx) => trx.raw<{ rows: Row[] }>(selectQuarters));
    const shown = await inSnapshot(readDb, (trx) => trx.raw<{ rows: Row[] }>(selectShownQuarters));
    const quarters = [...new Set([...sold.rows, ...shown.rows].map(quarterOf))].sort();
    for (let from = 0; from < quarters.length; from += PAGE_SIZE)
      yield quarters.slice(from, from + PAGE_SIZE);
  }

  async function gather(
    quarters: readonly string[],
    mode: 'first-sight' | 'settled',
  ): Promise<Map<string, SalesFacts>> {
    const period = periodOf(quarters);
    const { sold, versions, snapshot } = await inSnapshot(db, async (trx) => ({
      sold: sumsOf((await trx.raw<{ rows: Row[] }>(selectSold, { ...period })).rows),
      versions: await versionsIn(trx, period),
      snapshot: await snapshotOf(trx),
    }));
    if (mode === 'settled') await untilSettled(sources, snapshot);
    const { shown, wrongRollUps } = await inSnapshot(readDb, async (trx) => ({
      shown: sumsOf((await trx.raw<{ rows: Row[] }>(selectShown, { ...period })).rows),
      wrongRollUps: await wrongRollUpsIn(trx, period),
    }));
    const held = await heldQuarters();
    const now = mode === 'settled' ? await inSnapshot(db, (trx) => versionsIn(trx, period)) : versions;
    const none: Sums = new Map();
    return new Map(
      quarters.map((quarter) => [
        quarter,
        {
          isHeld: held.has(quarter),
          hasMoved: versions.get(quarter) !== now.get(quarter),
          sold: sold.get(quarter) ?? none,
          shown: shown.get(quarter) ?? none,
          wrongRollUps: wrongRollUps.get(quarter) ?? [],
        },
      ]),
    );
  }

  async function heldQuarters(): Promise<Set<string>> {
    const heldOrders = [...(await heldBack(db, readDb))].filter((key) => key.startsWith('order '));
    const ids = [...heldOrders.map((key) => key.slice('order '.length)), ...blamed];
    if (ids.length === 0) return new Set();
    const { rows } = await db.raw<{ rows: Row[] }>(selectHeld, { ids });
    return new Set(rows.map(quarterOf));
  }
}

const quarterOf = ({ bucket: start }: Pick<Row, 'bucket'>): string => start.toISOString();

function periodOf(quarters: readonly string[]): Period {
  const times = quarters.map((quarter) => Date.parse(quarter));
  return { from: new Date(Math.min(...times)), to: new Date(Math.max(...times) + QUARTER_MS) };
}

async function versionsIn(trx: Knex.Transaction, period: Period): Promise<Map<string, number>> {
  const { rows } = await trx.raw<{ rows: { bucket: Date; versions: number }[] }>(selectVersions, {
    ...period,
  });
  return new Map(rows.map((row) => [quarterOf(row), row.versions]));
}

async function wrongRollUpsIn(trx: Knex.Transaction, { from, to }: Period): Promise<Map<string, string[]>> {
  const end = new Date(to.getTime() + DAY_MS);
  const { rows } = await trx.raw<{ rows: (Row & { minutes: number })[] }>(selectWrongRollUps, {
    from,
    to,
    end,
  });
  const wrong = new Map<string, string[]>();
  for (const row of rows) {
    const text = `the ${row.minutes} minutes of ${keyOf(row)} are not the sum of their quarters`;
    wrong.set(quarterOf(row), [...(wrong.get(quarterOf(row)) ?? []), text]);
  }
  return wrong;
}

const keyOf = ({ sku, currency, status }: Pick<Row, 'sku' | 'currency' | 'status'>): string =>
  [sku || 'all products', currency, status].join(' ');

function sumsOf(rows: readonly Row[]): Map<string, Map<string, Figures>> {
  const sums = new Map<string, Map<string, Figures>>();
  for (const row of rows) {
    const quarter = sums.get(quarterOf(row)) ?? new Map<string, Figures>();
    quarter.set(keyOf(row), [row.orders, row.quantity, row.amount]);
    sums.set(quarterOf(row), quarter);
  }
  return sums;
}
