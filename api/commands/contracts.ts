import { z } from 'zod';
import { placeOrderSchema } from '../../domain/commands.ts';
import { orderIdSchema } from '../../domain/ids.ts';
import { contract } from '../endpoints/contract.ts';
import { idempotencyKeySchema, preferParameter } from '../endpoints/headers.ts';
import { outcomeFields, outcomeHeaders } from '../waiting/outcome-schema.ts';

const placedSchema = z.object({ orderId: orderIdSchema, ...outcomeFields });

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
    Prefer: preferParameter,
    'Idempotency-Key': idempotencyKeySchema.describe(
      'A repeat with the same key and body is answered with the order that the first one placed. An installation for development may do without',
    ),
  }),
  body: placeOrderSchema,
  answers: {
    200: {
      description: 'The order was waited for, and is on its way to the customer or cancelled',
      body: placedSchema,
      headers: outcomeHeaders,
    },
    202: {
      description:
        'The order is kept and will reach an end; `status` says how far it got while it was waited for',
      body: placedSchema,
      headers: outcomeHeaders,
    },
  },
  refusals: ['UNKNOWN_SKU', 'MIXED_CURRENCIES', 'IDEMPOTENCY_KEY_REUSED', 'IDEMPOTENCY_KEY_IN_USE'],
  audited: 'with its transaction',
});
