import { z } from 'zod';
import {
  approvalSchema,
  cancelOrderSchema,
  resolveSagaSchema,
  resolveSagasSchema,
  restartSagaSchema,
} from '../../domain/commands.ts';
import { deskDecisions } from '../../domain/desk.ts';
import { orderIdSchema } from '../../domain/ids.ts';
import { lostSagaReasons } from '../../domain/saga-watch.ts';
import { contract } from '../endpoints/contract.ts';
import { preferParameter, readTokenHeader } from '../endpoints/headers.ts';
import { orderParams } from '../endpoints/order-params.ts';
import { cancellationOutcomes } from './cancel-order.ts';
import { outcomeFields, outcomeHeaders } from '../waiting/outcome-schema.ts';
import { resolvedSagasSchema } from './resolve-sagas.ts';

const headers = z.object({ Prefer: preferParameter });
const cancelled = { orderId: orderIdSchema, cancellation: z.enum(cancellationOutcomes) };
const decided = { orderId: orderIdSchema, decision: approvalSchema.shape.decision };
/** Only where it was waited. */
const outcomeSoFar = { ...outcomeFields, status: outcomeFields.status.optional() };
const stuckSaga = z.object({
  workflowId: z
    .string()
    .regex(
      /^(order|shipment)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      'must be order-<order id> or shipment-<order id>, with the id in lower case',
    ),
});

const resolved = z.object({ workflowId: stuckSaga.shape.workflowId, action: z.enum(deskDecisions) });

export const cancelOrderContract = contract({
  method: 'post',
  path: '/orders/{id}/cancel',
  operationId: 'cancelOrder',
  tag: 'orders',
  summary: 'Cancel an order that has not gone too far',
  description: 'May be repeated. Money and stock go back; the order tells.',
  policy: ['customer', 'operator', 'admin'],
  ownOrders: true,
  params: orderParams,
  headers,
  body: cancelOrderSchema,
  answers: {
    200: {
      description: 'It was waited for, and everything is undone',
      body: z.object({ ...cancelled, ...outcomeFields }),
      headers: outcomeHeaders,
    },
    202: {
      description: 'Cancelled, or `PENDING` while its saga finds out whether it is too late',
      body: z.object({ ...cancelled, ...outcomeSoFar }),
      headers: outcomeHeaders,
    },
  },
  refusals: ['NOT_FOUND', 'TOO_LATE_TO_CANCEL'],
  audited: { orderIn: 'id', keeps: ['reason'] },
});

export const decideApprovalContract = contract({
  method: 'post',
  path: '/orders/{id}/approval',
  operationId: 'decideApproval',
  tag: 'operations',
  summary: 'Approve or reject an order that waits for it',
  policy: ['operator', 'admin'],
  params: orderParams,
  headers,
  body: approvalSchema,
  answers: {
    200: {
      description: 'It was waited for, and the order is on its way to the customer or cancelled',
      body: z.object({ ...decided, ...outcomeFields }),
      headers: outcomeHeaders,
    },
    202: {
      description: 'Decided',
      body: z.object({ ...decided, ...outcomeSoFar }),
      headers: outcomeHeaders,
    },
  },
  refusals: ['NOT_FOUND', 'NOT_WAITING_FOR_APPROVAL'],
  audited: { orderIn: 'id', keeps: ['decision', 'reason'] },
});

export const resolveSagasContract = contract({
  method: 'post',
  path: '/operations/sagas/resolve',
  operationId: 'resolveSagas',
  tag: 'operations',
  summary: 'Give one decision to all sagas that are stuck for one cause',
  description:
    'The oldest first, at most `limit`; one that refuses does not stop the others. Answers no `Read-Token`: it is about many orders.',
  policy: ['operator', 'admin'],
  body: resolveSagasSchema,
  answers: {
    200: { description: 'What became of each', body: resolvedSagasSchema },
  },
  audited: { keeps: ['cause', 'action', 'reason', 'limit'] },
});

export const resolveSagaContract = contract({
  method: 'post',
  path: '/operations/sagas/{workflowId}/resolve',
  operationId: 'resolveSaga',
  tag: 'operations',
  summary: 'Decide about a saga that is stuck',
  description: 'To waive takes two operators: the first one asks for it, another one approves.',
  policy: ['operator', 'admin'],
  params: stuckSaga,
  body: resolveSagaSchema,
  answers: {
    200: {
      description: 'The saga goes on',
      body: resolved.extend({ state: z.literal('APPLIED') }),
      headers: { 'Read-Token': readTokenHeader },
    },
    202: {
      description: 'A waiver is asked for: another operator has to approve',
      body: resolved.extend({ state: z.literal('WAITS_FOR_SECOND') }),
      headers: { 'Read-Token': readTokenHeader },
    },
  },
  refusals: ['NOT_FOUND', 'NOT_STUCK', 'RETRY_ONLY', 'SECOND_OPERATOR_REQUIRED'],
  audited: { orderIn: 'workflowId', keeps: ['action', 'reason'] },
});

export const restartSagaContract = contract({
  method: 'post',
  path: '/operations/sagas/{workflowId}/restart',
  operationId: 'restartSaga',
  tag: 'operations',
  summary: 'Start the saga of an order again that has lost it',
  description:
    'Safe at any time: a saga first asks its order where it is and goes on from there. The worker does the same by itself each `SAGA_WATCH_INTERVAL_MS`.',
  policy: ['operator', 'admin'],
  params: stuckSaga,
  body: restartSagaSchema,
  answers: {
    200: {
      description: 'The saga is started again',
      body: z.object({
        workflowId: stuckSaga.shape.workflowId,
        orderId: orderIdSchema,
        was: z
          .enum(lostSagaReasons)
          .describe('How the saga before it had closed; `NOT_FOUND` when Temporal knows of none'),
      }),
    },
  },
  refusals: ['NOT_FOUND', 'NOT_ORPHANED'],
  audited: { orderIn: 'workflowId', keeps: ['reason'] },
});
