import { Router, type Request } from 'express';
import type { Counter } from 'prom-client';
import { placeOrderSchema } from '../../domain/commands.ts';
import { newId } from '../../platform/clock.ts';
import { FieldProblem } from '../field-problem.ts';
import { allowOnly } from '../problems.ts';
import { traceparentOf } from '../trace.ts';
import { readBody, validateBody } from '../validation.ts';
import type { CommandQueue } from './command-queue.ts';
import { hashOf, type PlaceOrder, type PlacedOrderAnswer } from './place-order.ts';

interface Deps {
  readonly queue: CommandQueue<PlaceOrder, PlacedOrderAnswer>;
  readonly accepted: Counter;
}

/** `POST /orders`: accepted means committed; what becomes of the order is read under its Location. */
export function createOrderCommandRoutes({ queue, accepted }: Deps): Router {
  const router = Router();
  router
    .route('/orders')
    .post(readBody, async (request, response) => {
      const order = validateBody(placeOrderSchema, request.body);
      const key = idempotencyKeyOf(request);
      const commandId = newId();
      const { orderId, isNew } = await queue.submit({
        request: order,
        ...(key === undefined ? {} : { idempotencyKey: { key, bodyHash: hashOf(order) } }),
        provenance: {
          correlationId: commandId,
          causationId: commandId,
          traceparent: traceparentOf(response),
        },
      });
      if (isNew) accepted.inc();
      response.status(202).location(`/orders/${orderId}`).json({ orderId, status: 'PENDING' });
    })
    .all(allowOnly('GET', 'HEAD', 'POST'));
  return router;
}

/** @throws FieldProblem when it cannot be kept. */
function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.get('Idempotency-Key');
  if (key === undefined) return undefined;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw new FieldProblem('VALIDATION_FAILED', [
      { field: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters, such as a UUID' },
    ]);
  }
  return key;
}
