import { z } from 'zod';
import { contract } from '../endpoints/contract.ts';
import { orderParams } from '../endpoints/order-params.ts';
import { cancellationViewSchema } from './cancellation-view.ts';
import { productSchema } from './product-view.ts';
import { orderListItemSchema, orderViewSchema } from './order-view.ts';
import { nextCursor, orderListSchema, stuckListSchema } from './query-schemas.ts';
import { stuckGroupViewSchema } from './stuck-view.ts';

const ordersAreFor = ['customer', 'operator', 'admin'] as const;

export const listOrdersContract = contract({
  method: 'get',
  path: '/orders',
  operationId: 'listOrders',
  tag: 'orders',
  summary: 'Orders, the newest first: a customer’s own, an operator’s all',
  policy: ordersAreFor,
  ownOrders: true,
  query: orderListSchema,
  fromViews: true,
  answers: {
    200: {
      description: 'A page of orders',
      body: z.object({ items: z.array(orderListItemSchema), nextCursor }),
    },
  },
});

export const showOrderContract = contract({
  method: 'get',
  path: '/orders/{id}',
  operationId: 'showOrder',
  tag: 'orders',
  summary: 'One order with its timeline',
  description: 'An order that was placed a moment ago is waited for, for up to two seconds.',
  policy: ordersAreFor,
  ownOrders: true,
  params: orderParams,
  fromViews: true,
  answers: { 200: { description: 'The order', body: orderViewSchema } },
  refusals: ['NOT_FOUND'],
});

export const showCancellationContract = contract({
  method: 'get',
  path: '/orders/{id}/cancellation',
  operationId: 'showCancellation',
  tag: 'orders',
  summary: 'Whether an order can be cancelled now, and what that would undo',
  policy: ordersAreFor,
  ownOrders: true,
  params: orderParams,
  fromViews: true,
  answers: {
    200: { description: 'What cancelling would do', body: cancellationViewSchema },
  },
  refusals: ['NOT_FOUND'],
});

export const listStuckSagasContract = contract({
  method: 'get',
  path: '/operations/sagas',
  operationId: 'listStuckSagas',
  tag: 'operations',
  summary: 'Sagas that wait for an operator, by cause',
  description: 'Every group is on every page; a page holds at most `limit` sagas of them all.',
  policy: ['operator', 'admin'],
  query: stuckListSchema,
  fromViews: true,
  answers: {
    200: {
      description: 'The groups, with the sagas of this page',
      body: z.object({ groups: z.array(stuckGroupViewSchema), nextCursor }),
    },
  },
});

export const listProductsContract = contract({
  method: 'get',
  path: '/products',
  operationId: 'listProducts',
  tag: 'catalogue',
  summary: 'Products with their prices and stock',
  policy: ['customer', 'operator', 'analyst', 'admin'],
  fromViews: true,
  answers: {
    200: {
      description: 'All products, by SKU',
      body: z.object({ items: z.array(productSchema) }),
    },
  },
});
