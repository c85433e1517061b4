import { z } from 'zod';
import { FieldProblem } from '../field-problem.ts';

const QUARTER_MS = 15 * 60_000;
const DAY_MS = 24 * 3_600_000;
const widths = { quarter: QUARTER_MS, day: DAY_MS } as const;
type Width = keyof typeof widths;

/** What is shown without dates, and what is refused as too much for one answer. */
const spans: Readonly<Record<Width, { readonly usual: number; readonly most: number }>> = {
  quarter: { usual: DAY_MS, most: 3 * DAY_MS },
  day: { usual: 31 * DAY_MS, most: 366 * DAY_MS },
};

const MOMENT =
  'must be a UTC date such as 2026-01-31, or a time on a quarter of an hour such as 2026-01-31T12:15:00Z';
const momentSchema = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], { error: MOMENT })
  .refine((text) => Date.parse(text) % QUARTER_MS === 0, MOMENT)
  // PostgreSQL and JavaScript do not agree on what the first years are called.
  .refine((text) => text >= '1970' && text < '3', 'must be of the years 1970 to 2999');

export const figuresQuerySchema = z.strictObject({
  from: momentSchema.optional(),
  to: momentSchema.optional().describe('Before this time; a day is included'),
  by: z.enum(['quarter', 'day'], { error: 'must be quarter or day' }).default('quarter'),
});

interface FiguresPeriod {
  readonly from: Date;
  readonly to: Date;
  readonly by: Width;
}

/** @throws FieldProblem VALIDATION_FAILED when it would end before it begins, or be too long */
export function figuresPeriod(
  { from: first, to: last, by }: z.output<typeof figuresQuerySchema>,
  now: Date,
): FiguresPeriod {
  const width = widths[by];
  const { usual, most } = spans[by];
  const to = last === undefined ? Math.floor(now.getTime() / width + 1) * width : endOf(last);
  const from = first === undefined ? to - usual : Date.parse(first);
  if (from >= to) throw problem('from', 'must be before to');
  if (to - from > most)
    throw problem(
      'from',
      by === 'quarter'
        ? 'must be at most 3 days before to; by=day takes 366'
        : 'must be at most 366 days before to',
    );
  if (by === 'day' && (from % DAY_MS !== 0 || to % DAY_MS !== 0))
    throw problem('by', 'is day, which takes whole UTC days: give from and to as dates');
  return { from: new Date(from), to: new Date(to), by };
}

const endOf = (text: string): number => Date.parse(text) + (text.includes('T') ? 0 : DAY_MS);

const problem = (field: string, message: string): FieldProblem =>
  new FieldProblem('VALIDATION_FAILED', [{ field, message }]);
