import { z } from 'zod';
import { deskDecisions } from './desk.ts';
import { customerIdSchema, skuSchema } from './ids.ts';
import { storedText, text, textFault } from './text.ts';

/** What the simulated provider accepts; a real provider's tokens would replace this list. */
const paymentMethods = ['pm_card_visa', 'pm_card_declined', 'pm_timeout_before', 'pm_timeout_after'] as const;
export const paymentMethodSchema = z.enum(paymentMethods, {
  error: `must be one of ${paymentMethods.join(', ')}`,
});
export type PaymentMethod = z.infer<typeof paymentMethodSchema>;

const lineSchema = z.strictObject({
  sku: skuSchema,
  quantity: z.int('must be a whole number').min(1, 'must be at least 1').max(1000, 'must be at most 1000'),
});

/** The body of `POST /orders`. Prices are absent on purpose: they come from the catalogue. */
export const placeOrderSchema = z
  .strictObject({
    /** Absent: whoever asks. */
    customerId: customerIdSchema.optional(),
    lines: z
      .array(lineSchema)
      .min(1, 'must have at least one line')
      .max(100, 'must have at most 100 lines')
      .superRefine((lines, context) => {
        const seen = new Set<string>();
        lines.forEach(({ sku }, index) => {
          if (seen.has(sku)) {
            context.addIssue({
              code: 'custom',
              path: [index, 'sku'],
              message: `${sku} is already in an earlier line; put the quantities together`,
            });
          }
          seen.add(sku);
        });
      })
      // Less than what is asked, which JSON Schema cannot say.
      .meta({ uniqueItems: true, description: 'Each product once' }),
    paymentMethod: paymentMethodSchema,
  })
  .meta({ examples: [{ lines: [{ sku: 'COFFEE-1KG', quantity: 2 }], paymentMethod: 'pm_card_visa' }] });
/** With the customer that it is for. */
export type PlaceOrderRequest = z.infer<typeof placeOrderSchema> & { readonly customerId: string };

const reason = text(200);

/** What is wrong with the options of a command in which an operator decides; undefined when nothing is. */
export function decisionFault({
  operator,
  reason: why,
}: Record<'operator' | 'reason', string>): string | undefined {
  const fault = textFault(operator, 100) ?? textFault(why, 200);
  return fault && `--operator and --reason: ${fault}`;
}

/** The body of `POST /orders/:id/cancel`. */
export const cancelOrderSchema = z.strictObject({ reason });

/** The body of `POST /orders/:id/approval`. */
export const approvalSchema = z.strictObject({
  decision: z.enum(['approve', 'reject'], { error: 'must be approve or reject' }),
  reason,
});

/** The body of `POST /operations/outbox/parked/:seq/resolve`. */
export const resolveParkedSchema = z.strictObject({
  action: z.enum(['retry', 'discard'], { error: 'must be retry or discard' }),
  reason,
});

/** How many of one cause are decided about at once, the oldest first. */
const limitSchema = z
  .int('must be a whole number')
  .min(1, 'must be at least 1')
  .max(10_000, 'must be at most 10000')
  .default(1_000);

/** The body of `POST /operations/outbox/parked/resolve`: all outbox rows of one cause are tried again. */
export const retryParkedRowsSchema = z.strictObject({
  /** As it is shown with a parked row, such as `the stream refused the event with JetStream error 10054`. */
  cause: storedText(200),
  action: z.literal('retry', { error: 'must be retry: a row is discarded by its own number' }),
  reason,
  limit: limitSchema,
});

/** The body of `POST /operations/projections/parked/:id/edit`. */
export const editParkedEventSchema = z.strictObject({
  event: z.record(z.string(), z.unknown()).describe('The whole event, as it should have come'),
  reason,
});

/** The body of `POST /operations/projections/parked/resolve`: one decision for all of one cause or one aggregate. */
export const resolveParkedEventsSchema = resolveParkedSchema
  .extend({
    /** As it is shown with a group, such as `PaymentCharged.v1: data.amountMinor`. */
    cause: storedText(200).optional(),
    /** Of an order or a product. */
    aggregateId: storedText(200).optional(),
    limit: limitSchema,
  })
  .refine(({ cause, aggregateId }) => (cause === undefined) !== (aggregateId === undefined), {
    path: ['cause'],
    error: 'name either cause or aggregateId, and not both',
  });

const action = z.enum(deskDecisions, { error: `must be one of ${deskDecisions.join(', ')}` });

/** The body of `POST /operations/sagas/:workflowId/resolve`. */
export const resolveSagaSchema = z.strictObject({ action, reason });

/** The body of `POST /operations/sagas/:workflowId/restart`. */
export const restartSagaSchema = z.strictObject({ reason });

/** The body of `POST /operations/sagas/resolve`: the same decision for all sagas that wait for one cause. */
export const resolveSagasSchema = z.strictObject({
  /** As it is shown with a stuck order, such as `refundPayment: PAYMENT_UNAVAILABLE`. */
  cause: storedText(200),
  action,
  reason,
  limit: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(500, 'must be at most 500')
    .default(100),
});
export type ResolveSagasRequest = z.infer<typeof resolveSagasSchema>;
