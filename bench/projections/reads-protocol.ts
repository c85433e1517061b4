import { z } from 'zod';

/** What a reader asks for. */
const targetSchema = z.object({ path: z.string(), token: z.string() });
export type Target = z.infer<typeof targetSchema>;

export const readRequestSchema = z.discriminatedUnion('ask', [
  z.object({
    ask: z.literal('read'),
    url: z.string(),
    /** Each connection asks for one after the other, and begins again. */
    targets: z.array(targetSchema).min(1),
    connections: z.int().positive(),
    seconds: z.number().positive(),
  }),
  z.object({ ask: z.literal('end') }),
]);
export type ReadRequest = z.infer<typeof readRequestSchema>;
export type Load = Omit<Extract<ReadRequest, { ask: 'read' }>, 'ask'>;

export interface Read {
  readonly answered: number;
  /** Anything but 200, or no answer within 10 s. */
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}
export type ReadAnswer = { readonly is: 'read' } & Read;

/** An answer as the query API gave it. */
const recordedSchema = z.object({ path: z.string(), contentType: z.string(), body: z.string() });
export type RecordedAnswer = z.infer<typeof recordedSchema>;

/** What the server of recorded answers is started with; the answers are in a file. */
export const serverSettingsSchema = z.object({ port: z.int(), file: z.string() });
export type ServerSettings = z.infer<typeof serverSettingsSchema>;
export const recordedAnswersSchema = z.array(recordedSchema);
