import { z } from 'zod';

/** What a projector's process is started with, as JSON in its only argument. */
export const settingsSchema = z.object({ natsUrl: z.string() });
export type ProjectorSettings = z.infer<typeof settingsSchema>;

/** A database with the read tables, and the stream, named by its prefix, that is applied to them. */
const routeSchema = z.object({ databaseUrl: z.string(), prefix: z.string() });
export type Route = z.infer<typeof routeSchema>;

export const requestSchema = z.discriminatedUnion('ask', [
  /** Has a projector run until `stop`. */
  z.object({ ask: z.literal('follow'), route: routeSchema }),
  z.object({ ask: z.literal('stop') }),
  z.object({ ask: z.literal('end') }),
]);
export type ProjectorRequest = z.infer<typeof requestSchema>;

/** A page was committed at this time, with these events. */
export interface Page {
  readonly atMicros: number;
  readonly ids: readonly string[];
}

/** What a projector did while it ran. */
export interface Projected {
  readonly startedAtMicros: number;
  readonly pages: readonly Page[];
}

export type ProjectorAnswer = { readonly is: 'following' } | ({ readonly is: 'stopped' } & Projected);

export const rebuildRequestSchema = z.discriminatedUnion('ask', [
  /** Builds all projections anew, compares and swaps. */
  z.object({ ask: z.literal('rebuild'), route: routeSchema }),
  z.object({ ask: z.literal('end') }),
]);
export type RebuildRequest = z.infer<typeof rebuildRequestSchema>;
export interface RebuildAnswer {
  readonly is: 'rebuilt';
  readonly seconds: number;
}
