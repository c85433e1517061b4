import { addDays, clockOf, dayAt, firstOfMonth, mondayOf, timeOf } from '../../platform/calendar.ts';
import { bucketsIn, type Buckets, type Grain, type Span } from '../buckets.ts';

/** When orders were placed, and what is summed up of it. Days are `2026-01-31`, of the time zone. */
export interface SalesPeriod {
  readonly by: 'day' | 'week' | 'month' | 'total';
  /** IANA. */
  readonly timeZone: string;
  /** Orders placed at or after this and before `latest`, on quarters of an hour. */
  readonly earliest: Date;
  readonly latest: Date;
  /** Within them, orders of these days and those between. */
  readonly firstDay: string;
  readonly lastDay: string;
  /** The period before that begins on `firstDay` and ends where this one begins; `days` or `months` are between the two. */
  readonly previous?:
    { readonly firstDay: string; readonly days: number; readonly months: number } | undefined;
}

/** Buckets whose sales are added up together. */
interface LabelledBuckets extends Buckets {
  /** First day of the day, week or month that they are counted for, which is of the present period. */
  readonly label: string;
  readonly isPrevious: boolean;
}

/** Days that have the same label. */
interface Unit {
  readonly label: string;
  readonly isPrevious: boolean;
  readonly firstDay: string;
  /** The first one that is not of it any more. */
  readonly endDay: string;
}

/** A stretch in which clocks are ahead of UTC by the same time. */
interface Offset extends Span {
  readonly aheadMs: number;
}

const QUARTER_MS = 15 * 60_000;
const DAY_MS = 24 * 3_600_000;

/**
 * The buckets of a period, by day, week, month or in all. A quarter of an hour is of the day that clocks show when it
 * begins: a day may begin with an hour that comes twice, or not at all, and be in two pieces.
 */
export function bucketsOf(period: SalesPeriod, grains: readonly Grain[]): LabelledBuckets[] {
  const within = { from: period.earliest.getTime(), to: period.latest.getTime() };
  const offsets = offsetsIn(period.timeZone, within);
  return unitsOf(period).flatMap(({ label, isPrevious, firstDay, endDay }) =>
    spansOf(timeOf(firstDay), timeOf(endDay), offsets)
      .flatMap((span) => bucketsIn(span, grains))
      .map((buckets) => ({ ...buckets, label, isPrevious })),
  );
}

function unitsOf({ by, firstDay, lastDay, previous, ...within }: SalesPeriod): Unit[] {
  const units: Unit[] = [];
  // No clock shows another day than that of UTC, the one before it, or the one after.
  const first = dayAt(within.earliest.getTime() - DAY_MS);
  const end = dayAt(within.latest.getTime() + 2 * DAY_MS);
  const add = (from: string, until: string, isPrevious: boolean, shift: (day: string) => string): void => {
    const to = until < end ? until : end;
    for (let day = from > first ? from : first; day < to;) {
      const next = by === 'total' ? to : nextOf(by, day);
      const endDay = next < to ? next : to;
      units.push({
        label: by === 'total' ? firstDay : startOf(by, shift(day)),
        isPrevious,
        firstDay: day,
        endDay,
      });
      day = endDay;
    }
  };
  if (previous) {
    const { days, months } = previous;
    add(previous.firstDay, firstDay, true, (day) =>
      months > 0 ? firstOfMonth(day, months) : addDays(day, days),
    );
  }
  add(firstDay, addDays(lastDay, 1), false, (day) => day);
  return units;
}

const startOf = (by: 'day' | 'week' | 'month', day: string): string => {
  if (by === 'week') return mondayOf(day);
  return by === 'month' ? firstOfMonth(day) : day;
};

const nextOf = (by: 'day' | 'week' | 'month', day: string): string => {
  if (by === 'week') return addDays(mondayOf(day), 7);
  return by === 'month' ? firstOfMonth(day, 1) : addDays(day, 1);
};

/** When clocks show a time of `from` to `to`; both as `clockOf` tells it. */
function spansOf(from: number, to: number, offsets: readonly Offset[]): Span[] {
  const spans: Span[] = [];
  for (const { aheadMs, ...offset } of offsets) {
    const begin = Math.max(offset.from, nextQuarter(from - aheadMs));
    const end = Math.min(offset.to, nextQuarter(to - aheadMs));
    if (begin >= end) continue;
    const last = spans.at(-1);
    if (last?.to === begin) spans[spans.length - 1] = { from: last.from, to: end };
    else spans.push({ from: begin, to: end });
  }
  return spans;
}

const nextQuarter = (time: number): number => Math.ceil(time / QUARTER_MS) * QUARTER_MS;

/** Clocks have nowhere been changed twice within a day. @param within on quarters of an hour */
function offsetsIn(timeZone: string, { from, to }: Span): Offset[] {
  const clock = clockOf(timeZone);
  const aheadAt = (time: number): number => clock(time) - time;
  const offsets: Offset[] = [];
  let begin = from;
  let aheadMs = aheadAt(from);
  for (let time = from; time < to;) {
    const next = Math.min(time + DAY_MS, to);
    const nextAheadMs = aheadAt(next);
    if (nextAheadMs !== aheadMs) {
      const change = firstQuarter(time, next, (quarter) => aheadAt(quarter) !== aheadMs);
      offsets.push({ from: begin, to: change, aheadMs });
      begin = change;
      aheadMs = nextAheadMs;
    }
    time = next;
  }
  if (begin < to) offsets.push({ from: begin, to, aheadMs });
  return offsets;
}

/** The first one after `before` of which it is true, as it is at `after` and stays from then on. */
function firstQuarter(before: number, after: number, isTrue: (quarter: number) => boolean): number {
  let [not, is] = [before / QUARTER_MS, after / QUARTER_MS];
  while (is - not > 1) {
    const middle = Math.floor((not + is) / 2);
    if (isTrue(middle * QUARTER_MS)) is = middle;
    else not = middle;
  }
  return is * QUARTER_MS;
}
