import { z } from 'zod';
import { customerIdSchema } from '../../domain/ids.ts';
import { currencySchema, minorSumSchema } from '../../domain/money.ts';
import { contract } from '../endpoints/contract.ts';
import { nextCursor } from '../queries/query-schemas.ts';
import { customerListSchema } from './customer-list.ts';

const count = z.int().nonnegative();

const customerSchema = z
  .object({
    customerId: customerIdSchema,
    firstOrderAt: z.iso.datetime(),
    lastOrderAt: z.iso.datetime(),
    figures: z
      .array(
        z.object({
          currency: currencySchema,
          orders: count.describe('All; each is open, completed, cancelled or refunded'),
          open: count,
          completed: count,
          cancelled: count,
          refunded: count,
          spent: minorSumSchema.describe('Of completed orders, in minor units of `currency`'),
        }),
      )
      .describe('By currency'),
  })
  .meta({ id: 'Customer' });

export const listCustomersContract = contract({
  method: 'get',
  path: '/customers',
  operationId: 'listCustomers',
  tag: 'orders',
  summary: 'Customers with what they have ordered and spent',
  description: 'Who ordered last comes first; with `sort=spent`, who has spent most in `currency`.',
  policy: ['operator', 'admin'],
  query: customerListSchema,
  fromViews: true,
  answers: {
    200: {
      description: 'A page of customers',
      body: z.object({ items: z.array(customerSchema), nextCursor }),
    },
  },
});

export const showCustomerContract = contract({
  method: 'get',
  path: '/customers/{id}',
  operationId: 'showCustomer',
  tag: 'orders',
  summary: 'What a customer has ordered and spent',
  policy: ['customer', 'operator', 'admin'],
  ownOrders: true,
  params: z.object({ id: z.string().describe('Of a customer') }),
  fromViews: true,
  answers: { 200: { description: 'The customer', body: customerSchema } },
  refusals: ['NOT_FOUND'],
});
