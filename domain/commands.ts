import { z } from 'zod';
import { customerIdSchema, skuSchema } from './ids.ts';

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
export const placeOrderSchema = z.strictObject({
  customerId: customerIdSchema,
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
    }),
  paymentMethod: paymentMethodSchema,
});
export type PlaceOrderRequest = z.infer<typeof placeOrderSchema>;
