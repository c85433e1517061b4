import type { Response } from 'express';
import { z } from 'zod';

export const notYetSchema = z
  .object({ status: z.literal('not yet'), detail: z.string().describe('What to do about it') })
  .meta({ id: 'NotYet', description: 'The views are still behind the `Read-Token`' });

const RETRY_AFTER_S = 1;

/**
 * Answers 202 rather than with what the caller knows to be old. Written past Express, which would give it an ETag and
 * might take it for what the caller has.
 */
export function answerNotYet(response: Response): void {
  const body: z.output<typeof notYetSchema> = {
    status: 'not yet',
    detail: 'the views do not hold what the Read-Token stands for; send the same request again',
  };
  response
    .status(202)
    .set({ 'Retry-After': String(RETRY_AFTER_S), 'Cache-Control': 'no-store' })
    .type('json')
    .end(JSON.stringify(body));
}
