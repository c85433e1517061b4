const QUARTER_MS = 15 * 60_000;

/** Start of the 15 minutes, in UTC, in which a time is; both ISO 8601. */
export const quarterOf = (at: string): string =>
  new Date(Math.floor(Date.parse(at) / QUARTER_MS) * QUARTER_MS).toISOString();
