/** Minutes that a bucket is wide. Each is a multiple of the one before, and all begin at midnight UTC. */
export type Grain = 15 | 60 | 360 | 1_440;

/** A stretch of time, in ms since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Buckets of the same width, one after the other. */
export interface Buckets extends Span {
  readonly grain: Grain;
}

const MINUTE_MS = 60_000;

/** Start of the bucket, in UTC, in which a time is; both ISO 8601. */
export function bucketOf(grain: Grain, at: string): string {
  const width = grain * MINUTE_MS;
  return new Date(Math.floor(Date.parse(at) / width) * width).toISOString();
}

/**
 * As few buckets as cover a span exactly, in the order of time: wide ones inside, narrower ones at its edges.
 * @param grains the narrowest first, on which the span begins and ends
 */
export function bucketsIn({ from, to }: Span, grains: readonly Grain[]): Buckets[] {
  const grain = grains.at(-1);
  if (grain === undefined || from >= to) return [];
  const narrower = grains.slice(0, -1);
  const width = grain * MINUTE_MS;
  const first = Math.ceil(from / width) * width;
  const last = Math.floor(to / width) * width;
  if (first >= last) return bucketsIn({ from, to }, narrower);
  return [
    ...bucketsIn({ from, to: first }, narrower),
    { grain, from: first, to: last },
    ...bucketsIn({ from: last, to }, narrower),
  ];
}
