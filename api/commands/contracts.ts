import { placeOrderSchema } from '../../domain/commands.ts';
import { contract } from '../endpoints/contract.ts';

export const placeOrderContract = contract({
  method: 'post',
  path: '/orders',
  operationId: 'placeOrder',
  summary: 'Place an order; accepted means that it is kept',
  policy: ['customer', 'operator', 'admin'],
  body: placeOrderSchema,
  audited: 'with its transaction',
});
