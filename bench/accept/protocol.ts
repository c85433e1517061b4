import { z } from 'zod';

export const requestSchema = z.discriminatedUnion('ask', [
  z.object({
    ask: z.literal('load'),
    /** Command APIs, among which the connections are divided. */
    urls: z.array(z.string()).min(1),
    connections: z.int().positive(),
    seconds: z.number().positive(),
    /** Requests per second; absent: each connection sends the next one when the last is answered. */
    rate: z.number().positive().optional(),
    /** One per caller, whose requests take turns. */
    tokens: z.array(z.string()).min(1),
  }),
  z.object({ ask: z.literal('end') }),
]);
export type LoadRequest = z.infer<typeof requestSchema>;
export type Load = Omit<Extract<LoadRequest, { ask: 'load' }>, 'ask'>;

/** What became of the requests of one load. */
export interface Loaded {
  readonly accepted: number;
  /** 503 or 429. */
  readonly refused: number;
  /** No answer within 10 s. */
  readonly unanswered: number;
  /** Any other answer. */
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds, of all answers. */
  readonly p50: number;
  readonly p99: number;
}

export type LoadAnswer = { readonly is: 'loaded' } & Loaded;
