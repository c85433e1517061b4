/** A row that has not followed the outside world for so long will not do so by itself. */
const GRACE_MS = 60 * 60_000;
/** Read again before the newest entry: an entry may appear in the books later than its time says. */
const OVERLAP_MS = 5 * 60_000;

/** Tells new entries from those that are listed again, and since when to list again. */
export function overlapping(): { since(): Date | undefined; isNew(id: string, at: Date): boolean } {
  const seen = new Map<string, number>();
  let newest = 0;
  /** Older entries are forgotten, so they must not be listed again. */
  let since: number | undefined;
  return {
    since: () => (since === undefined ? undefined : new Date(since)),
    isNew: (id, at) => {
      if (seen.has(id)) return false;
      seen.set(id, at.getTime());
      newest = Math.max(newest, at.getTime());
      // The outside clock may be ahead of ours: entries that are still to come can be older than the newest one.
      since = Math.max(since ?? 0, Math.min(newest, Date.now()) - OVERLAP_MS);
      // Entries come in the order of time, so the first ones are the oldest.
      for (const [each, time] of seen) {
        if (time >= since) break;
        seen.delete(each);
      }
      return true;
    },
  };
}

/** Orders of which something was booked within `GRACE_MS`; of older entries nothing is remembered. */
export function recently(): { note(id: string, at: Date): void; has(id: string): boolean } {
  const times = new Map<string, number>();
  const isRecent = (time: number): boolean => time > Date.now() - GRACE_MS;
  return {
    note: (id, at) => {
      if (isRecent(at.getTime())) times.set(id, Math.max(times.get(id) ?? 0, at.getTime()));
    },
    has: (id) => isRecent(times.get(id) ?? 0),
  };
}
