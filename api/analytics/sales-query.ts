import { z } from 'zod';
import { skuSchema } from '../../domain/ids.ts';
import { orderStatuses } from '../../domain/order.ts';
import type { SalesQuestion } from '../../projections/queries/sales.ts';
import { FieldProblem } from '../field-problem.ts';
import {
  addDays,
  dayIn,
  daysBetween,
  earliestStartOf,
  firstOfMonth,
  latestEndOf,
  mondayOf,
  monthsBetween,
} from '../../platform/calendar.ts';
import { formatSchema } from './formats.ts';

const QUARTER_MS = 15 * 60_000;
const MOMENT =
  'must be a date such as 2026-01-31, or a time on a quarter of an hour such as 2026-01-31T12:15:00Z, of the years 1970 to 2999';

type Moment = { readonly day: string } | { readonly at: Date };

/** A date of the time zone, or a moment. */
const momentSchema = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], { error: MOMENT })
  .transform((text, context): Moment => {
    const at = new Date(text);
    const year = at.getUTCFullYear();
    if (year >= 1970 && year < 3000 && at.getTime() % QUARTER_MS === 0)
      return text.includes('T') ? { at } : { day: text };
    context.addIssue({ code: 'custom', message: MOMENT });
    return z.NEVER;
  });

const ZONE = 'must be a time zone of the IANA database such as Europe/Berlin, or UTC';

/** Abbreviations such as CET are left out: not everybody means the same by them. */
const timeZoneSchema = z
  .string()
  .regex(/^(UTC|[A-Za-z_]+(\/[A-Za-z0-9_+-]+)+)$/, { error: ZONE, abort: true })
  .refine(isTimeZone, ZONE)
  .default('UTC');

function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

const oneOf = <const T extends readonly string[]>(names: T) =>
  z.enum(names, { error: `must be one of ${names.join(', ')}` });

export const salesQuerySchema = z.strictObject({
  from: momentSchema.optional().describe('First day, or moment, at which orders were placed'),
  to: momentSchema.optional().describe('Last day, which is included, or the moment before which they were'),
  by: oneOf(['day', 'week', 'month', 'total', 'sku'])
    .default('day')
    .describe('Weeks begin on Mondays; `sku` is short for `by=total&group=sku`'),
  group: oneOf(['none', 'sku', 'status']).optional(),
  sku: skuSchema.optional(),
  status: oneOf(orderStatuses).optional().describe('What the orders are now'),
  timeZone: timeZoneSchema.describe('IANA name; days are those of this zone'),
  compare: z
    .literal('previous', { error: 'must be previous, or left out' })
    .optional()
    .describe('Beside each figure that of as many days, weeks or months directly before'),
  fill: z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .transform((text) => text === 'true')
    .default(false)
    .describe('Whether days, weeks and months without orders are there, with zeros; at most 4000 of them'),
  format: formatSchema.optional(),
});

type Given = z.output<typeof salesQuerySchema>;
type Unit = SalesQuestion['by'];

/** How far the period reaches back without `from`; in units, beside the one that it ends in. */
const PAST = { day: 30, week: 11, month: 11, total: 30 };

/** Each of them is a row, whatever there is in it. */
const MOST_FILLED = 4_000;
const daysIn = { day: 1, week: 7, month: 30, total: Number.POSITIVE_INFINITY };

/**
 * Without dates: the last 30 days and today, or the last 12 weeks or months with the present one.
 * @throws FieldProblem VALIDATION_FAILED for a period that ends before it begins, or cannot be compared
 */
export function salesQuestion(given: Given, now: Date): SalesQuestion {
  const { sku, status, timeZone, fill } = given;
  if (given.by === 'sku' && given.group !== undefined && given.group !== 'sku')
    throw invalid('group', 'must be left out with by=sku, which is short for by=total&group=sku');
  const by = given.by === 'sku' ? 'total' : given.by;
  const group = given.by === 'sku' ? 'sku' : (given.group ?? 'none');

  const to = given.to ?? { day: lastDayOf(by, dayIn(timeZone, now)) };
  const lastDay = 'day' in to ? to.day : dayIn(timeZone, new Date(to.at.getTime() - 1));
  const from = given.from ?? { day: defaultStart(by, lastDay) };
  const firstDay = 'day' in from ? from.day : dayIn(timeZone, from.at);
  const earliest = 'day' in from ? earliestStartOf(firstDay) : from.at;
  const latest = 'day' in to ? latestEndOf(lastDay) : to.at;
  if (firstDay > lastDay || earliest >= latest) throw invalid('from', 'must be before to');

  if (fill && daysBetween(firstDay, lastDay) / daysIn[by] > MOST_FILLED)
    throw invalid('fill', `must be false for more than ${MOST_FILLED} days, weeks or months`);

  const period = { by, group, sku, status, timeZone, earliest, latest, firstDay, lastDay, fill } as const;
  if (given.compare === undefined) return period;
  for (const [field, moment] of Object.entries({ from, to }))
    if (!('day' in moment)) throw invalid(field, 'must be a date, without a time, to be compared');
  const previous = periodBefore(by, firstDay, lastDay);
  return { ...period, earliest: earliestStartOf(previous.firstDay), previous };
}

/** @throws FieldProblem when weeks or months are not whole, and could not be compared. */
function periodBefore(by: Unit, firstDay: string, lastDay: string): NonNullable<SalesQuestion['previous']> {
  const end = addDays(lastDay, 1);
  if (by === 'week' && mondayOf(firstDay) !== firstDay)
    throw invalid('from', 'must be a Monday to be compared');
  if (by === 'week' && mondayOf(end) !== end) throw invalid('to', 'must be a Sunday to be compared');
  if (by === 'month') {
    if (firstOfMonth(firstDay) !== firstDay)
      throw invalid('from', 'must be the first day of a month to be compared');
    if (firstOfMonth(end) !== end) throw invalid('to', 'must be the last day of a month to be compared');
    const months = monthsBetween(firstDay, end);
    return { firstDay: firstOfMonth(firstDay, -months), months, days: 0 };
  }
  const days = daysBetween(firstDay, end);
  return { firstDay: addDays(firstDay, -days), months: 0, days };
}

function lastDayOf(by: Unit, day: string): string {
  if (by === 'week') return addDays(mondayOf(day), 6);
  return by === 'month' ? addDays(firstOfMonth(day, 1), -1) : day;
}

function defaultStart(by: Unit, lastDay: string): string {
  if (by === 'week') return addDays(mondayOf(lastDay), -7 * PAST.week);
  return by === 'month' ? firstOfMonth(lastDay, -PAST.month) : addDays(lastDay, -PAST[by]);
}

const invalid = (field: string, message: string): FieldProblem =>
  new FieldProblem('VALIDATION_FAILED', [{ field, message }]);
