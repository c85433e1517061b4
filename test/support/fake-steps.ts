import { toFailure } from '../../activities/failures.ts';
import { OrderSystemError, type ErrorCode } from '../../domain/errors.ts';
import type {
  ChargeStatus,
  InventoryActivities,
  OrderActivities,
  PaymentActivities,
  PlacedOrder,
} from '../../domain/order-saga.ts';
import type { OrderStatus } from '../../domain/order.ts';

type Steps = InventoryActivities & PaymentActivities & OrderActivities;
export type StepName = keyof Steps;

/** Fails with this code so many times, then works; for ever with Infinity. */
interface Fault {
  readonly code: ErrorCode;
  readonly times: number;
}

interface Script {
  readonly faults?: Partial<Record<StepName, Fault>>;
  /** What the provider answers when asked, in turn; the last one stays. */
  readonly chargeStatus?: readonly ChargeStatus[];
  readonly endedStatus?: OrderStatus;
}

/** A saga's steps that record how they were called, typed by the interfaces of the real ones. */
export interface FakeSteps {
  readonly steps: Steps;
  /** Names in the order of the calls, failed attempts included; without the opening question. */
  readonly calls: readonly StepName[];
  /** Names of the calls that succeeded. */
  readonly done: readonly StepName[];
  /** Reason and detail with which the order was cancelled. */
  readonly cancelled: readonly string[];
}

export function createFakeSteps({
  faults = {},
  chargeStatus = ['NOT_FOUND'],
  endedStatus,
}: Script = {}): FakeSteps {
  const calls: StepName[] = [];
  const done: StepName[] = [];
  const cancelled: string[] = [];
  const failed = new Map<StepName, number>();
  const act = (name: StepName): Promise<void> => {
    calls.push(name);
    const fault = faults[name];
    const soFar = failed.get(name) ?? 0;
    if (fault && soFar < fault.times) {
      failed.set(name, soFar + 1);
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- typed unknown, as what is caught
      return Promise.reject(toFailure(new OrderSystemError(fault.code, `${name} was told to fail`)));
    }
    done.push(name);
    return Promise.resolve();
  };
  let asked = 0;
  const steps: Steps = {
    endedStatus: () => Promise.resolve(endedStatus),
    reserveInventory: () => act('reserveInventory'),
    releaseInventory: () => act('releaseInventory'),
    chargePayment: () => act('chargePayment'),
    resolveCharge: async () => {
      await act('resolveCharge');
      return chargeStatus[Math.min(asked++, chargeStatus.length - 1)] ?? 'NOT_FOUND';
    },
    refundPayment: () => act('refundPayment'),
    completeOrder: () => act('completeOrder'),
    cancelOrder: async (_order, reason, detail) => {
      await act('cancelOrder');
      cancelled.push(reason, detail);
    },
  };
  return { steps, calls, done, cancelled };
}

/** One set of activities for many sagas: each call goes to the steps of its own order. */
export function routedByOrder(fakes: ReadonlyMap<string, FakeSteps>): Steps {
  const of = ({ id }: PlacedOrder): Steps => {
    const fake = fakes.get(id);
    if (!fake) throw new Error(`no steps for order ${id}`);
    return fake.steps;
  };
  return {
    endedStatus: (order) => of(order).endedStatus(order),
    reserveInventory: (order) => of(order).reserveInventory(order),
    releaseInventory: (order) => of(order).releaseInventory(order),
    chargePayment: (order) => of(order).chargePayment(order),
    resolveCharge: (order) => of(order).resolveCharge(order),
    refundPayment: (order) => of(order).refundPayment(order),
    completeOrder: (order) => of(order).completeOrder(order),
    cancelOrder: (order, reason, detail) => of(order).cancelOrder(order, reason, detail),
  };
}
