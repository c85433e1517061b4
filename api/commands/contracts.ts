import { z } from 'zod';
import { placeOrderSchema } from '../../domain/commands.ts';
import { orderIdSchema } from '../../domain/ids.ts';
import { contract } from '../endpoints/contract.ts';
import { idempotencyKeySchema, locationHeader } from '../endpoints/headers.ts';

export const placeOrderContract = contract({
  method: 'post',
  path: '/orders',
  operationId: 'placeOrder',
  tag: 'orders',
  summary: 'Place an order; accepted means that it is kept',
  description: 'What becomes of it is told by the order at `Location`. `customerId` is for operators.',
  policy: ['customer', 'operator', 'admin'],
  ownOrders: true,
  headers: z.object({
    'Idempotency-Key': idempotencyKeySchema
      .optional()
      .describe('A repeat with the same key and body is answered with the order that the first one placed'),
  }),
  body: placeOrderSchema,
  answers: {
    202: {
      description: 'The order is kept and will reach an end',
      body: z.object({ orderId: orderIdSchema, status: z.literal('PENDING') }),
      headers: { Location: locationHeader },
    },
  },
  refusals: ['UNKNOWN_SKU', 'MIXED_CURRENCIES', 'IDEMPOTENCY_KEY_REUSED', 'OVERLOADED'],
});
