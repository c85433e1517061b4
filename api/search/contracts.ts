import { z } from 'zod';
import { contract } from '../endpoints/contract.ts';
import { orderListItemSchema } from '../queries/order-view.ts';
import { nextCursor } from '../queries/query-schemas.ts';
import { searchSchema } from './search-schema.ts';

export const searchOrdersContract = contract({
  method: 'get',
  path: '/orders/search',
  operationId: 'searchOrders',
  tag: 'orders',
  summary: 'Orders that have all these words, the newest first: a customer’s own, an operator’s all',
  description:
    'A word may be in the status, the reason and detail of a cancellation, what a saga is stuck for, an id, carrier or tracking number, or in the SKU or name of a product of the order. One alone is also found in other forms (`cancel`: `cancelled`); "words in quotes" and codes (`OUT_OF_STOCK`) are found as they are written; `-word` leaves out what has it. Capitals and punctuation do not matter.',
  policy: ['customer', 'operator', 'admin'],
  ownOrders: true,
  query: searchSchema,
  fromViews: true,
  answers: {
    200: {
      description: 'A page of orders',
      body: z.object({ items: z.array(orderListItemSchema), nextCursor }),
    },
  },
});
