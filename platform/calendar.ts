/** Days as `2026-01-31`, without time or zone; their text sorts as they do. */

const DAY_MS = 24 * 3_600_000;
/** When a day begins in UTC, in ms since 1970. */
export const timeOf = (day: string): number => Date.parse(`${day}T00:00:00Z`);
export const dayAt = (time: number): string => new Date(time).toISOString().slice(0, 10);

/** What the calendar shows at a moment in a time zone. */
export const dayIn = (timeZone: string, moment: Date): string =>
  // Sweden writes dates as ISO 8601 does.
  new Intl.DateTimeFormat('sv-SE', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(
    moment,
  );

export const addDays = (day: string, days: number): string => dayAt(timeOf(day) + days * DAY_MS);
export const daysBetween = (from: string, to: string): number => (timeOf(to) - timeOf(from)) / DAY_MS;

/** ISO 8601: weeks begin on Mondays. */
export const mondayOf = (day: string): string => addDays(day, -((new Date(timeOf(day)).getUTCDay() + 6) % 7));

export const firstOfMonth = (day: string, monthsLater = 0): string => {
  const date = new Date(timeOf(day));
  return dayAt(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + monthsLater, 1));
};

export const monthsBetween = (from: string, to: string): number => {
  const [first, last] = [new Date(timeOf(from)), new Date(timeOf(to))];
  return (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + last.getUTCMonth() - first.getUTCMonth();
};

/** What a clock in a time zone shows, in ms since it showed 1970-01-01T00:00, as a function of the time. */
export function clockOf(timeZone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' });
  return (time) => Date.parse(`${format.format(time).replace(' ', 'T')}Z`);
}

/** The UTC time of a day's own midnight, off by as much as a time zone may be: no local day begins before it. */
export const earliestStartOf = (day: string): Date => new Date(timeOf(day) - DAY_MS);
export const latestEndOf = (day: string): Date => new Date(timeOf(day) + 2 * DAY_MS);
