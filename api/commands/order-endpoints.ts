import type { Request } from 'express';
import type { Counter } from 'prom-client';
import { newId } from '../../platform/clock.ts';
import { customerOf } from '../auth/ownership.ts';
import { idempotencyKeySchema } from '../endpoints/headers.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { FieldProblem } from '../field-problem.ts';
import { traceparentOf } from '../trace.ts';
import type { CommandQueue } from './command-queue.ts';
import { placeOrderContract } from './contracts.ts';
import { hashOf, type PlaceOrder, type PlacedOrderAnswer } from './place-order.ts';

interface Deps {
  readonly queue: CommandQueue<PlaceOrder, PlacedOrderAnswer>;
  readonly accepted: Counter;
}

/** `POST /orders`: accepted means committed; what becomes of the order is read under its Location. */
export const createOrderEndpoints = ({ queue, accepted }: Deps): Endpoint[] => [
  endpoint(placeOrderContract, async ({ principal, body, request, response }) => {
    const order = { ...body, customerId: customerOf(principal, body.customerId) };
    const key = idempotencyKeyOf(request);
    const commandId = newId();
    const { orderId, isNew } = await queue.submit({
      orderId: newId(),
      subject: principal.subject,
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
  }),
];

/** @throws FieldProblem when it cannot be kept. */
function idempotencyKeyOf(request: Request): string | undefined {
  const key = request.get('Idempotency-Key');
  if (key === undefined) return undefined;
  const parsed = idempotencyKeySchema.safeParse(key);
  if (parsed.success) return key;
  const [message = ''] = parsed.error.issues.map((issue) => issue.message);
  throw new FieldProblem('VALIDATION_FAILED', [{ field: 'Idempotency-Key', message }]);
}
