import { withStepFailures } from '../../activities/failures.ts';
import { OrderSystemError, type ErrorCode } from '../../domain/errors.ts';
import type {
  ChargeStatus,
  InventoryActivities,
  OrderActivities,
  PaymentActivities,
  SagaOrder,
} from '../../domain/order-saga.ts';
import type { OrderStatus, UndoReason } from '../../domain/order.ts';
import type { ParcelStatus, ShippingActivities } from '../../domain/shipment-saga.ts';

type Steps = InventoryActivities & PaymentActivities & OrderActivities & ShippingActivities;
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
  /** Where the carrier says the parcel is, in turn; the last one stays. */
  readonly parcelStatus?: readonly ParcelStatus[];
  /** Whether a booking can still be taken back. */
  readonly cancellable?: boolean;
  /** How far the order is when the saga begins. */
  readonly orderStatus?: OrderStatus;
}

/** A saga's steps that record how they were called, typed by the interfaces of the real ones. */
export interface FakeSteps {
  readonly steps: Steps;
  /** Names in the order of the calls, failed attempts included; without the opening question. */
  readonly calls: readonly StepName[];
  /** Names of the calls that succeeded. */
  readonly done: readonly StepName[];
  /** Reason and detail with which the order was cancelled or refunded. */
  readonly cancelled: readonly string[];
}

export function createFakeSteps({
  faults = {},
  chargeStatus = ['NOT_FOUND'],
  parcelStatus = ['BOOKED'],
  cancellable = true,
  orderStatus = 'PENDING',
}: Script = {}): FakeSteps {
  const calls: StepName[] = [];
  const done: StepName[] = [];
  const cancelled: string[] = [];
  let undo: UndoReason | null = null;
  let occurrence = 0;
  const failed = new Map<StepName, number>();
  const act = (name: StepName): Promise<void> => {
    calls.push(name);
    const fault = faults[name];
    const soFar = failed.get(name) ?? 0;
    if (fault && soFar < fault.times) {
      failed.set(name, soFar + 1);
      return Promise.reject(new OrderSystemError(fault.code, `${name} was told to fail`));
    }
    done.push(name);
    return Promise.resolve();
  };
  const inTurn = <T>(answers: readonly T[]): (() => T) => {
    let asked = 0;
    return () => answers[Math.min(asked++, answers.length - 1)] as T;
  };
  const nextChargeStatus = inTurn(chargeStatus);
  const nextParcelStatus = inTurn(parcelStatus);
  const steps = withStepFailures<Steps>({
    orderStatus: () => Promise.resolve({ status: orderStatus, approval: 'NONE', undo }),
    beginUndo: (_order, _saga, why) => {
      undo ??= why;
      return Promise.resolve({ status: orderStatus, approval: 'NONE', undo });
    },
    reserveInventory: () => act('reserveInventory'),
    releaseInventory: () => act('releaseInventory'),
    chargePayment: () => act('chargePayment'),
    resolveCharge: async () => {
      await act('resolveCharge');
      return nextChargeStatus();
    },
    shipInventory: () => act('shipInventory'),
    refundPayment: () => act('refundPayment'),
    completeOrder: () => act('completeOrder'),
    cancelOrder: async (_order, reason, detail) => {
      await act('cancelOrder');
      cancelled.push(reason, detail);
    },
    bookCarrier: async () => {
      await act('bookCarrier');
      return 'BOOKED';
    },
    locateParcel: async () => {
      await act('locateParcel');
      return nextParcelStatus();
    },
    cancelBooking: async () => {
      await act('cancelBooking');
      return cancellable;
    },
    deliverOrder: () => act('deliverOrder'),
    failShipment: () => act('failShipment'),
    requestApproval: () => act('requestApproval'),
    recordApproval: () => act('recordApproval'),
    recordStuck: async () => {
      await act('recordStuck');
      return { occurrence: ++occurrence, waiver: null };
    },
    requestWaiver: () => act('requestWaiver'),
    recordResolution: () => act('recordResolution'),
    refundOrder: async (_order, reason, detail) => {
      await act('refundOrder');
      cancelled.push(reason, detail);
    },
  });
  return { steps, calls, done, cancelled };
}

const stepNames = Object.keys(createFakeSteps().steps) as StepName[];

/** One set of activities for many sagas: each call goes to the steps of its own order. */
export function routedByOrder(fakes: ReadonlyMap<string, Pick<FakeSteps, 'steps'>>): Steps {
  const route =
    (name: StepName) =>
    (order: SagaOrder, ...rest: unknown[]): unknown => {
      const fake = fakes.get(order.id);
      if (!fake) throw new Error(`no steps for order ${order.id}`);
      return (fake.steps[name] as (...args: unknown[]) => unknown)(order, ...rest);
    };
  return Object.fromEntries(stepNames.map((name) => [name, route(name)])) as unknown as Steps;
}
