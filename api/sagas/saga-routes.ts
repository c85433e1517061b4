import { Router, type Response } from 'express';
import type { Counter } from 'prom-client';
import { z } from 'zod';
import { findOrder, findStuck } from '../../db/order-repository.ts';
import type { Knex } from '../../db/connection.ts';
import {
  approvalSchema,
  cancelOrderSchema,
  resolveSagaSchema,
  resolveSagasSchema,
} from '../../domain/commands.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Provenance } from '../../domain/events.ts';
import { orderIdSchema } from '../../domain/ids.ts';
import type { Order } from '../../domain/order.ts';
import { newId, type Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { allowOnly } from '../problems.ts';
import { traceIdOf, traceparentOf } from '../trace.ts';
import { readBody, validate, validateBody } from '../validation.ts';
import { cancelOrder } from './cancel-order.ts';
import { requireTaken, resolveSagas } from './resolve-sagas.ts';
import type { SagaAnswer, SagaControl } from './saga-control.ts';

export interface SagaRouteDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly sagas: SagaControl;
  readonly logger: Logger;
}

const stuckSaga = z.object({
  workflowId: z
    .string()
    .regex(
      /^(order|shipment)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      'must be order-<order id> or shipment-<order id>, with the id in lower case',
    ),
});

/** What people ask of orders under way: to cancel them, to approve them, and to get them out of a dead end. */
export function createSagaRoutes(deps: SagaRouteDeps & { readonly cancellations: Counter }): Router {
  const { db, sagas } = deps;
  const router = Router();
  const find = (id: string): Promise<Order> => findKnownOrder(db, id);

  router
    .route('/orders/:id/cancel')
    .post(readBody, async (request, response) => {
      const body = validateBody(cancelOrderSchema, request.body);
      const { id } = await find(request.params.id);
      const cancellation = await cancelOrder({ ...deps, findOrder: find }, id, body, provenanceOf(response));
      deps.cancellations.inc();
      response.status(202).location(`/orders/${id}`).json({ orderId: id, cancellation });
    })
    .all(allowOnly('POST'));

  router
    .route('/orders/:id/approval')
    .post(readBody, async (request, response) => {
      const body = validateBody(approvalSchema, request.body);
      const { id } = await find(request.params.id);
      requireApprovalTaken(await sagas.decideApproval(id, body), id);
      response.status(202).location(`/orders/${id}`).json({ orderId: id, decision: body.decision });
    })
    .all(allowOnly('POST'));

  router
    .route('/operations/sagas/resolve')
    .post(readBody, async (request, response) => {
      const body = validateBody(resolveSagasSchema, request.body);
      const answer = await resolveSagas(
        {
          ...deps,
          findStuck: (cause, limit) => findStuck(db, cause, limit),
          onFailure: (error, workflowId) => {
            deps.logger.error({ err: error, workflowId, traceId: traceIdOf(response) }, 'unforeseen error');
          },
        },
        body,
      );
      response.json(answer);
    })
    .all(allowOnly('POST'));

  router
    .route('/operations/sagas/:workflowId/resolve')
    .post(readBody, async (request, response) => {
      const { workflowId } = validate(stuckSaga, request.params);
      const { action, operator, reason } = validateBody(resolveSagaSchema, request.body);
      requireTaken(await sagas.resolve(workflowId, { decision: action, operator, reason }), workflowId);
      response.json({ workflowId, action });
    })
    .all(allowOnly('POST'));

  return router;
}

/** @throws OrderSystemError NOT_FOUND */
async function findKnownOrder(db: Knex, id: string): Promise<Order> {
  const notFound = new OrderSystemError('NOT_FOUND', `there is no order ${id}`);
  if (!orderIdSchema.safeParse(id).success) throw notFound;
  try {
    return await findOrder(db, id);
  } catch (error) {
    throw error instanceof OrderSystemError && error.code === 'ORDER_NOT_FOUND' ? notFound : error;
  }
}

/** @throws OrderSystemError NOT_WAITING_FOR_APPROVAL */
function requireApprovalTaken(answer: SagaAnswer, orderId: string): void {
  const refuse = (detail: string): never => {
    throw new OrderSystemError('NOT_WAITING_FOR_APPROVAL', detail);
  };
  switch (answer.kind) {
    case 'DONE':
    case 'PENDING':
      return;
    case 'REFUSED':
      if (answer.code === 'NOT_WAITING_FOR_APPROVAL') return refuse(answer.detail);
      throw new Error(`the saga of ${orderId} refused a decision about approval with ${answer.code}`);
    case 'ENDED':
      return refuse(`the saga of order ${orderId} has ended; nothing is left to approve`);
    case 'UNKNOWN':
      return refuse(`the saga of order ${orderId} has not begun yet; ask again in a moment`);
  }
}

/** This request as the cause of what follows. */
function provenanceOf(response: Response): Provenance {
  const commandId = newId();
  return { correlationId: commandId, causationId: commandId, traceparent: traceparentOf(response) };
}
