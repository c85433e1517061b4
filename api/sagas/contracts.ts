import { z } from 'zod';
import {
  approvalSchema,
  cancelOrderSchema,
  resolveSagaSchema,
  resolveSagasSchema,
} from '../../domain/commands.ts';
import { contract } from '../endpoints/contract.ts';

const order = z.object({ id: z.string() });
const stuckSaga = z.object({
  workflowId: z
    .string()
    .regex(
      /^(order|shipment)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      'must be order-<order id> or shipment-<order id>, with the id in lower case',
    ),
});

export const cancelOrderContract = contract({
  method: 'post',
  path: '/orders/{id}/cancel',
  operationId: 'cancelOrder',
  summary: 'Cancel an order that has not gone too far',
  policy: ['customer', 'operator', 'admin'],
  params: order,
  body: cancelOrderSchema,
});

export const decideApprovalContract = contract({
  method: 'post',
  path: '/orders/{id}/approval',
  operationId: 'decideApproval',
  summary: 'Approve or reject an order that waits for it',
  policy: ['operator', 'admin'],
  params: order,
  body: approvalSchema,
});

export const resolveSagasContract = contract({
  method: 'post',
  path: '/operations/sagas/resolve',
  operationId: 'resolveSagas',
  summary: 'Give one decision to all sagas that are stuck for one cause',
  policy: ['operator', 'admin'],
  body: resolveSagasSchema,
});

export const resolveSagaContract = contract({
  method: 'post',
  path: '/operations/sagas/{workflowId}/resolve',
  operationId: 'resolveSaga',
  summary: 'Decide about a saga that is stuck; to waive takes two operators',
  policy: ['operator', 'admin'],
  params: stuckSaga,
  body: resolveSagaSchema,
});
