import type { Response } from 'express';
import type { Counter } from 'prom-client';
import { findOrder, findStuck } from '../../db/order-repository.ts';
import type { Knex } from '../../db/connection.ts';
import type { Resolution } from '../../domain/desk.ts';
import { insteadOfCancelling } from '../../domain/cancellation.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import type { Provenance } from '../../domain/events.ts';
import { orderIdSchema } from '../../domain/ids.ts';
import type { Order } from '../../domain/order.ts';
import { orderWorkflowId } from '../../domain/topology.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/logger.ts';
import { mayAccessOrdersOf } from '../auth/ownership.ts';
import type { Principal } from '../auth/principal.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { traceIdOf, traceparentOf } from '../trace.ts';
import { answerInTime, endOf, look, tellReadToken, type WaitDeps } from '../waiting/answer-in-time.ts';
import { isSettled, isUndoneOrTooLate, type OrderState } from '../waiting/order-state.ts';
import { cancelOrder, type CancellationOutcome } from './cancel-order.ts';
import {
  cancelOrderContract,
  decideApprovalContract,
  resolveSagaContract,
  resolveSagasContract,
  restartSagaContract,
} from './contracts.ts';
import { resolvedState, resolveSagas } from './resolve-sagas.ts';
import { orderIdOf, restartIfLost, restartSaga } from './restart-saga.ts';
import type { ResolveAnswer, SagaAnswer, SagaControl } from './saga-control.ts';

export interface SagaEndpointDeps {
  readonly db: Knex;
  readonly clock: Clock;
  readonly sagas: SagaControl;
  readonly logger: Logger;
  readonly cancellations: Counter;
  readonly waiting: WaitDeps;
}

/** What people ask of orders under way: to cancel them, to approve them, and to get them out of a dead end. */
export function createSagaEndpoints(deps: SagaEndpointDeps): Endpoint[] {
  const { db, sagas, waiting } = deps;
  const restarting = { sagas, findOrder: (id: string): Promise<Order> => findAnyOrder(db, id) };

  /** @throws OrderSystemError UNAVAILABLE when the saga that the decision is for had been lost */
  const resolve = async (
    workflowId: string,
    resolution: Resolution,
    provenance: Provenance,
  ): Promise<ResolveAnswer> => {
    const answer = await sagas.resolve(workflowId, resolution);
    if (answer.kind === 'ENDED' || answer.kind === 'UNKNOWN')
      await restartIfLost(restarting, workflowId, provenance, ({ stuckCause }) => stuckCause !== null);
    return answer;
  };

  return [
    endpoint(cancelOrderContract, async ({ principal, commandId, params, body, request, response }) => {
      const find = (id: string): Promise<Order> => findOrderFor(principal, db, id);
      const order = await find(params.id);
      const act = async () => {
        const provenance = provenanceOf(commandId, response);
        const cancellation = await cancelOrder({ ...deps, findOrder: find }, order.id, body, provenance);
        deps.cancellations.inc();
        return {
          orderId: order.id,
          mayHaveEnded: true,
          body: (state?: OrderState) => ({ orderId: order.id, ...cancelledAs(cancellation, state) }),
        };
      };
      await answerInTime(waiting, { request, response, order, isEnd: isUndoneOrTooLate, act });
    }),

    endpoint(decideApprovalContract, async ({ principal, commandId, params, body, request, response }) => {
      const order = await findOrderFor(principal, db, params.id);
      const orderId = order.id;
      const act = async () => {
        const decision = { ...body, operator: principal.subject };
        const taken = await sagas.decideApproval(orderId, decision);
        if (taken.kind === 'ENDED' || taken.kind === 'UNKNOWN') {
          const waits = ({ status, approval }: Order): boolean =>
            status === 'PENDING' && approval === 'REQUESTED';
          const provenance = provenanceOf(commandId, response);
          await restartIfLost(restarting, orderWorkflowId(orderId), provenance, waits);
        }
        requireApprovalTaken(taken, orderId);
        const answer = (state?: OrderState) => ({
          ...{ orderId, decision: body.decision },
          ...(state && endOf(state)),
        });
        return { orderId, mayHaveEnded: true, body: answer };
      };
      await answerInTime(waiting, { request, response, order, isEnd: isSettled, act });
    }),

    endpoint(resolveSagasContract, async ({ principal, commandId, body, response }) => {
      const provenance = provenanceOf(commandId, response);
      const answer = await resolveSagas(
        {
          ...deps,
          sagas: { resolve: (workflowId, resolution) => resolve(workflowId, resolution, provenance) },
          operator: principal.subject,
          findStuck: (...asked) => findStuck(db, ...asked),
          onFailure: (error, workflowId) => {
            deps.logger.error({ err: error, workflowId, traceId: traceIdOf(response) }, 'unforeseen error');
          },
        },
        body,
      );
      response.json(answer);
    }),

    endpoint(resolveSagaContract, async ({ principal, commandId, params, body, response }) => {
      const { workflowId } = params;
      const { action, reason } = body;
      const resolution = { decision: action, operator: principal.subject, reason };
      const answer = await resolve(workflowId, resolution, provenanceOf(commandId, response));
      const state = resolvedState(answer, workflowId);
      const seen = await look(deps, orderIdOf(workflowId));
      if (seen) tellReadToken(response, { orderId: seen.id, version: seen.version });
      response.status(state === 'APPLIED' ? 200 : 202).json({ workflowId, action, state });
    }),

    endpoint(restartSagaContract, async ({ commandId, params: { workflowId }, response }) => {
      const was = await restartSaga(restarting, workflowId, provenanceOf(commandId, response));
      const orderId = orderIdOf(workflowId);
      deps.logger.warn(
        { workflowId, orderId, was, traceId: traceIdOf(response) },
        'an operator started a saga again',
      );
      response.json({ workflowId, orderId, was });
    }),
  ];
}

/** @throws OrderSystemError NOT_FOUND, also when it is there and not for this caller */
async function findOrderFor(principal: Principal, db: Knex, id: string): Promise<Order> {
  const order = await findAnyOrder(db, id);
  if (!mayAccessOrdersOf(principal, order.customerId)) throw noSuchOrder(id);
  return order;
}

/** @throws OrderSystemError NOT_FOUND */
async function findAnyOrder(db: Knex, id: string): Promise<Order> {
  if (!orderIdSchema.safeParse(id).success) throw noSuchOrder(id);
  try {
    return await findOrder(db, id);
  } catch (error) {
    throw error instanceof OrderSystemError && error.code === 'ORDER_NOT_FOUND' ? noSuchOrder(id) : error;
  }
}

const noSuchOrder = (id: string): OrderSystemError =>
  new OrderSystemError('NOT_FOUND', `there is no order ${id}`);

/**
 * What came of a cancellation, as far as is known.
 * @throws OrderSystemError TOO_LATE_TO_CANCEL when the parcel left after the cancellation was taken
 */
function cancelledAs(cancellation: CancellationOutcome, state: OrderState | undefined): object {
  if (!state) return { cancellation };
  if (!isUndoneOrTooLate(state)) return { cancellation, ...endOf(state) };
  if (state.status === 'CANCELLED' || state.status === 'REFUNDED')
    return { cancellation: 'ACCEPTED', ...endOf(state) };
  throw new OrderSystemError('TOO_LATE_TO_CANCEL', insteadOfCancelling(state) ?? '');
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
function provenanceOf(commandId: string, response: Response): Provenance {
  return { correlationId: commandId, causationId: commandId, traceparent: traceparentOf(response) };
}
