import { z } from 'zod';

/** Clocks of processes differ by less. */
const MOST_AHEAD_MS = 60_000;

/**
 * The time of an announcement, as `JSON.stringify` writes a Date. Anybody may publish one: a time that is ahead of our
 * clock would make views look fresh for as long.
 */
export const announcedTime = z.iso
  .datetime()
  .transform((text) => new Date(text))
  .refine((time) => time.getTime() <= Date.now() + MOST_AHEAD_MS, 'is more than 60 s ahead of our clock');
