import { z } from 'zod';
import { contract } from '../endpoints/contract.ts';
import { orderListSchema, salesQuerySchema, stuckListSchema } from './query-schemas.ts';

const ordersAreFor = ['customer', 'operator', 'admin'] as const;
const order = z.object({ id: z.string() });

export const listOrdersContract = contract({
  method: 'get',
  path: '/orders',
  operationId: 'listOrders',
  summary: 'Orders, the newest first: a customer’s own, an operator’s all',
  policy: ordersAreFor,
  query: orderListSchema,
});

export const showOrderContract = contract({
  method: 'get',
  path: '/orders/{id}',
  operationId: 'showOrder',
  summary: 'One order with its timeline',
  policy: ordersAreFor,
  params: order,
});

export const showCancellationContract = contract({
  method: 'get',
  path: '/orders/{id}/cancellation',
  operationId: 'showCancellation',
  summary: 'Whether an order can be cancelled, and what became of it',
  policy: ordersAreFor,
  params: order,
});

export const listStuckSagasContract = contract({
  method: 'get',
  path: '/operations/sagas',
  operationId: 'listStuckSagas',
  summary: 'Sagas that wait for an operator, by cause',
  policy: ['operator', 'admin'],
  query: stuckListSchema,
});

export const salesContract = contract({
  method: 'get',
  path: '/analytics/sales',
  operationId: 'sales',
  summary: 'Sales by day or by product',
  policy: ['analyst', 'operator', 'admin'],
  query: salesQuerySchema,
});

export const listProductsContract = contract({
  method: 'get',
  path: '/products',
  operationId: 'listProducts',
  summary: 'Products with their prices and stock',
  policy: ['customer', 'operator', 'analyst', 'admin'],
});
