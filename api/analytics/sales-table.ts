import { minorSumOf, type MinorSum } from '../../domain/money.ts';
import type { SalesQuestion, SalesSum, SalesSums } from '../../projections/queries/sales.ts';
import type { Column, Row } from './columns.ts';

type Figure = MinorSum | null;
type Figures = Readonly<Record<(typeof figures)[number], Figure>>;

const sums = ['orders', 'completed', 'cancelled', 'refunded', 'quantity', 'revenue', 'amount'] as const;
/** Of a row, in the order in which they are shown. */
export const figures = [...sums, 'averageOrderValue', 'cancellationRate', 'refundRate'] as const;
/** Those of which the change is told; that of a rate would be per cent of per cent. */
export const changing = [...sums, 'averageOrderValue'] as const;

const isRate = (figure: string): boolean => figure.endsWith('Rate');
/** `revenue` → `previousRevenue` */
export const previousOf = (figure: string): string =>
  `previous${figure.slice(0, 1).toUpperCase()}${figure.slice(1)}`;
/** `revenue` → `revenueChange` */
export const changeOf = (figure: string): string => `${figure}Change`;

/** What a table of sales has, by what was asked. */
export function salesColumns({
  by,
  group,
  previous,
}: Pick<SalesQuestion, 'by' | 'group' | 'previous'>): Column[] {
  return [
    ...(by === 'total' ? [] : [{ name: by, type: 'day' } as const]),
    ...(group === 'none' ? [] : [{ name: group, type: 'text' } as const]),
    { name: 'currency', type: 'text' },
    ...figures.map((name) => ({ name, type: isRate(name) ? 'decimal' : 'whole' }) as const),
    ...(previous === undefined
      ? []
      : [
          ...figures.map(
            (name) => ({ name: previousOf(name), type: isRate(name) ? 'decimal' : 'whole' }) as const,
          ),
          ...changing.map((name) => ({ name: changeOf(name), type: 'decimal' }) as const),
        ]),
  ];
}

/** The row as it is shown, whatever the format. */
export function salesRow({ by, group }: Pick<SalesQuestion, 'by' | 'group'>, sum: SalesSum): Row {
  const now = figuresOf(sum);
  const before = sum.previous && figuresOf(sum.previous);
  return {
    ...(by === 'total' ? {} : { [by]: sum.firstDay }),
    ...(group === 'none' ? {} : { [group]: sum[group] }),
    currency: sum.currency,
    ...now,
    ...(before && renamed(before, previousOf)),
    ...(before &&
      Object.fromEntries(changing.map((name) => [changeOf(name), change(before[name], now[name])]))),
  };
}

function figuresOf(sum: SalesSums): Figures {
  const { orders, completed, cancelled, refunded, quantity, revenue, amount } = sum;
  return {
    ...{ orders, completed, cancelled, refunded, quantity, revenue, amount },
    averageOrderValue: completed === 0 ? null : average(revenue, completed),
    cancellationRate: share(cancelled, orders),
    refundRate: share(refunded, completed + refunded),
  };
}

const renamed = (given: Figures, rename: (name: string) => string): Row =>
  Object.fromEntries(figures.map((name) => [rename(name), given[name]]));

/** 0 to 1, to four decimals; null of nothing. */
const share = (part: number, whole: number): number | null => (whole === 0 ? null : rounded(part / whole, 4));

/** In per cent, to two decimals; null where nothing was before. */
const change = (before: Figure, now: Figure): number | null =>
  before === null || now === null || before === 0
    ? null
    : rounded(((Number(now) - Number(before)) / Number(before)) * 100, 2);

/** Half a minor unit counts as one. */
const average = (sum: MinorSum, of: number): MinorSum =>
  minorSumOf(String((2n * BigInt(sum) + BigInt(of)) / (2n * BigInt(of))));

const rounded = (value: number, decimals: number): number => Number(value.toFixed(decimals));
