import { z } from 'zod';
import { contract } from '../endpoints/contract.ts';
import { orderParams } from '../endpoints/order-params.ts';
import { ailingListBodySchema } from './ailing-view.ts';
import { cancellationViewSchema } from './cancellation-view.ts';
import { productSchema } from './product-view.ts';
import { orderListItemSchema, orderViewSchema } from './order-view.ts';
import { nextCursor, orderListSchema, sagaListSchema } from './query-schemas.ts';
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

export const listSagasContract = contract({
  method: 'get',
  path: '/operations/sagas',
  operationId: 'listSagas',
  tag: 'operations',
  summary: 'Sagas that need somebody: stuck, failing or slow',
  description:
    '`stuck`: wait for an operator, by cause; every group is on every page, and a page holds at most `limit` sagas of them all. `failing`: their workflow code fails again and again. `slow`: older than their step expects; one that is stuck or failing is not slow. The worker finds the latter two within `SAGA_WATCH_INTERVAL_MS`, at most 5,000 of each.',
  policy: ['operator', 'admin'],
  query: sagaListSchema,
  fromViews: true,
  answers: {
    200: {
      description: '`groups` for `stuck`, else `items`, with the sagas of this page',
      body: z.union([z.object({ groups: z.array(stuckGroupViewSchema), nextCursor }), ailingListBodySchema]),
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
