import type { Response } from 'express';
import { z } from 'zod';
import { orderIdSchema } from '../../domain/ids.ts';
import { heldUpSchema } from '../queries/order-view.ts';

const heldUpOrderSchema = heldUpSchema.extend({ orderId: orderIdSchema });
export type HeldUpOrder = z.output<typeof heldUpOrderSchema>;

export const notYetSchema = z
  .object({
    status: z.literal('not yet'),
    detail: z.string().describe('What to do about it'),
    heldUp: z
      .array(heldUpOrderSchema)
      .optional()
      .describe(
        'Orders of which an event could not be applied: to repeat the request is in vain until an operator has decided. Without the `Read-Token` they are shown as they were before',
      ),
  })
  .meta({ id: 'NotYet', description: 'The views are still behind the `Read-Token`' });

const RETRY_AFTER_S = 1;
/** An operator decides. */
const RETRY_HELD_UP_AFTER_S = 60;

/**
 * Answers 202 rather than with what the caller knows to be old. Written past Express, which would give it an ETag and
 * might take it for what the caller has.
 */
export function answerNotYet(response: Response, heldUp: HeldUpOrder[]): void {
  const isHeldUp = heldUp.length > 0;
  const body: z.output<typeof notYetSchema> = {
    status: 'not yet',
    detail: isHeldUp
      ? 'an event of each order in heldUp could not be applied and waits for an operator (GET /operations/projections/parked); leave the Read-Token out to see what was before'
      : 'the views do not hold what the Read-Token stands for; send the same request again',
    ...(isHeldUp ? { heldUp } : {}),
  };
  response
    .status(202)
    .set({
      'Retry-After': String(isHeldUp ? RETRY_HELD_UP_AFTER_S : RETRY_AFTER_S),
      'Cache-Control': 'no-store',
    })
    .type('json')
    .end(JSON.stringify(body));
}
