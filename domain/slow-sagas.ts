import { hasEnded, type Order, type OrderStatus, type SagaKind } from './order.ts';
import type { SagaDeadlines } from './saga-settings.ts';
import { sagaKindAt } from './saga-start.ts';
import { orderSagaSteps, shipmentSagaSteps, type SagaStep } from './saga-steps.ts';

/** As much of an order as tells which step its saga is at. */
export type OrderProgress = Pick<Order, 'status' | 'approval' | 'shipment' | 'undoBegan'>;

/** What the list calls a saga that compensates, whichever compensation runs. */
const COMPENSATING = 'compensate';
/** And one that has done its part, and fails before it ends. */
export const ENDING = 'end';

interface StepAt {
  readonly saga: SagaKind;
  /** The name that `progress` shows, or `compensate`. */
  readonly step: string;
  /** How long the step takes at most when all is well, in ms. */
  readonly expectedMs: number;
}

/**
 * A step without a deadline takes no longer. A step with one has this beyond its deadline, within which the saga
 * begins to compensate.
 */
export const USUAL_MS = 60_000;

/**
 * The step at which the saga of an order is, as far as the order tells. What happens between two changes of the order,
 * such as a recall, counts as the step before it. @returns undefined when the order has ended
 */
export function stepAt(order: OrderProgress, deadlines: SagaDeadlines): StepAt | undefined {
  if (hasEnded(order.status)) return undefined;
  const saga = sagaKindAt(order.status);
  const step = stepOf(order);
  if (step === undefined) return { saga, step: COMPENSATING, expectedMs: USUAL_MS };
  const limits = (step.deadlines ?? []).map((name) => deadlines[name]);
  const expectedMs = (limits.length === 0 ? 0 : Math.min(...limits)) + USUAL_MS;
  return { saga, step: step.name, expectedMs };
}

/** At this status, no step of a saga that does not compensate expects less, in ms. */
export const leastExpectedMs = (status: OrderStatus, deadlines: SagaDeadlines): number =>
  Math.min(
    ...(['NONE', 'REQUESTED'] as const).flatMap((approval) =>
      (['NONE', 'BOOKED'] as const).map(
        (shipment) => stepAt({ status, approval, shipment, undoBegan: false }, deadlines)?.expectedMs ?? 0,
      ),
    ),
  );

/** @returns undefined while the saga compensates */
function stepOf({ status, approval, shipment, undoBegan }: OrderProgress): SagaStep | undefined {
  const { approve, reserve, charge, complete } = orderSagaSteps.steps;
  const { book, dispatch, deliver } = shipmentSagaSteps.steps;
  if (shipment === 'FAILED') return undefined;
  // A recall that came too late leaves its mark on an order whose parcel goes on.
  if (undoBegan && status !== 'SHIPPED') return undefined;
  switch (status) {
    case 'PENDING':
      if (approval === 'REFUSED') return undefined;
      return approval === 'REQUESTED' ? approve : reserve;
    case 'RESERVED':
      return charge;
    case 'PAID':
      return complete;
    case 'COMPLETED':
      return shipment === 'NONE' ? book : dispatch;
    case 'SHIPPED':
      return deliver;
    case 'DELIVERED':
    case 'CANCELLED':
    case 'REFUNDED':
      return undefined;
  }
}
