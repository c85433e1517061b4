import type { Request } from 'express';
import type { Counter } from 'prom-client';
import { newId } from '../../platform/clock.ts';
import { customerOf } from '../auth/ownership.ts';
import { idempotencyKeySchema } from '../endpoints/headers.ts';
import { endpoint, type Endpoint } from '../endpoints/serve.ts';
import { FieldProblem } from '../field-problem.ts';
import { traceparentOf } from '../trace.ts';
import { answerInTime, endOf, type WaitDeps } from '../waiting/answer-in-time.ts';
import { isSettled, notYetPlaced, type OrderState } from '../waiting/order-state.ts';
import { awaitKey } from './await-key.ts';
import type { CommandQueue } from './command-queue.ts';
import { placeOrderContract } from './contracts.ts';
import { hashOf, type PlaceOrder, type PlacedOrderAnswer } from './place-order.ts';

interface Deps {
  readonly queue: Pick<CommandQueue<PlaceOrder, PlacedOrderAnswer>, 'submit' | 'requireRoom'>;
  readonly accepted: Counter;
  readonly waiting: WaitDeps;
  /** Whether orders without an idempotency key are refused. */
  readonly isKeyRequired: boolean;
}

/** `POST /orders`: accepted means committed; what becomes of the order is read under its Location. */
export const createOrderEndpoints = ({ queue, accepted, waiting, isKeyRequired }: Deps): Endpoint[] => [
  endpoint(
    placeOrderContract,
    async ({ principal, commandId, body, request, response }) => {
      const order = { ...body, customerId: customerOf(principal, body.customerId) };
      const key = idempotencyKeyOf(request, isKeyRequired);
      const command: PlaceOrder = {
        orderId: newId(),
        subject: principal.subject,
        request: order,
        ...(key === undefined ? {} : { idempotencyKey: { key, bodyHash: hashOf(order) } }),
        provenance: {
          correlationId: commandId,
          causationId: commandId,
          traceparent: traceparentOf(response),
        },
      };
      const act = async () => {
        const { orderId, isNew } = await awaitKey(() => queue.submit(command));
        if (isNew) accepted.inc();
        const answer = (state: OrderState = notYetPlaced(orderId)) => ({ orderId, ...endOf(state) });
        return { orderId, mayHaveEnded: !isNew, body: answer };
      };
      const placed = notYetPlaced(command.orderId);
      await answerInTime(waiting, { request, response, order: placed, isEnd: isSettled, act });
    },
    {
      requireRoom: () => {
        queue.requireRoom();
      },
    },
  ),
];

const HEADER = 'Idempotency-Key';

/** @throws FieldProblem when it is missing or cannot be kept. */
function idempotencyKeyOf(request: Request, isRequired: boolean): string | undefined {
  const key = request.get(HEADER);
  if (key === undefined) {
    if (!isRequired) return undefined;
    throw keyProblem(
      'is required: send a value of your own for each order, such as a UUID, and the same one with each repeat',
    );
  }
  const parsed = idempotencyKeySchema.safeParse(key);
  if (parsed.success) return key;
  throw keyProblem(parsed.error.issues.map(({ message }) => message).join('; '));
}

const keyProblem = (message: string): FieldProblem =>
  new FieldProblem('VALIDATION_FAILED', [{ field: HEADER, message }]);
