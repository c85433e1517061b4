import { z } from 'zod';
import type { Measured } from '../measure/loops.ts';

/** What the process of one variant is started with, as JSON in its only argument. */
export const settingsSchema = z.object({
  name: z.string(),
  address: z.string(),
  /** Of its own, so that each variant has the task queue names of production to itself. */
  namespace: z.string(),
  bundle: z.string(),
  databaseUrl: z.string(),
  /**
   * `shipped`: as the worker has them, on PostgreSQL. `nothing`: the same names, which return at once.
   * `per-write`: those of bench/saga/activity-per-write.ts.
   */
  activities: z.enum(['shipped', 'nothing', 'per-write']),
  localSteps: z.array(z.enum(['inventory', 'payments', 'orders', 'shipping'])),
});
export type VariantSettings = z.infer<typeof settingsSchema>;

/** What the driver asks such a process for, one at a time. */
export const requestSchema = z.discriminatedUnion('ask', [
  /** Has at least so many orders ready. */
  z.object({ ask: z.literal('prepare'), orders: z.int() }),
  z.object({
    ask: z.literal('measure'),
    concurrency: z.int(),
    warmUpMs: z.number(),
    measureMs: z.number(),
    processes: z.record(z.string(), z.number()),
  }),
  z.object({ ask: z.literal('end') }),
]);
export type VariantRequest = z.infer<typeof requestSchema>;

export type VariantAnswer =
  | { readonly is: 'prepared' }
  | { readonly is: 'measured'; readonly measured: Measured; readonly endedAtMicros: number };
