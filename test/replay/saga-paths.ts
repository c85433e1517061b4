import type { WorkflowHandle } from '@temporalio/client';
import type { ErrorCode } from '../../domain/errors.ts';
import { APPROVAL_UPDATE, CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import type { SagaSettings } from '../../domain/saga-settings.ts';
import { PARCEL_NOTICE_SIGNAL, type ParcelNotice } from '../../domain/shipment-saga.ts';
import { sagaSettings } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { progressOf, resolve, untilState, waive } from '../support/fake-sagas.ts';
import type { createFakeSteps, FakeSteps, StepName } from '../support/fake-steps.ts';
import type { WorkflowEnvironment } from '../support/workflow-env.ts';

type Script = NonNullable<Parameters<typeof createFakeSteps>[0]>;
type Act = (saga: WorkflowHandle, fake: FakeSteps, environment: WorkflowEnvironment) => Promise<unknown>;

export interface SagaPath {
  readonly saga: 'order' | 'shipment';
  readonly script?: Script;
  readonly settings?: Partial<SagaSettings>;
  /** The customer cancels while this step is under way, the first time. */
  readonly cancelDuring?: StepName;
  /** What happens once the saga has begun. */
  readonly act?: Act;
  /** Whether it waits for something that never comes: its history ends in the middle. */
  readonly isOpen?: true;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const remote: Partial<SagaSettings> = { localSteps: [] };
const times = (code: ErrorCode, count = Infinity): { code: ErrorCode; times: number } => ({
  code,
  times: count,
});

const cancel: Act = (saga) => saga.executeUpdate(CANCEL_UPDATE, { args: [{ reason: 'changed my mind' }] });
const decide =
  (decision: 'approve' | 'reject'): Act =>
  async (saga, fake) => {
    await until(fake, 'requestApproval');
    await saga.executeUpdate(APPROVAL_UPDATE, { args: [{ decision, operator: 'maria', reason: 'seen' }] });
  };
const stuckThen =
  (act: (saga: WorkflowHandle) => Promise<unknown>): Act =>
  async (saga) => {
    await untilState(saga, 'STUCK');
    await act(saga);
  };
/** What the carrier tells, an hour apart. */
const told =
  (...notices: ParcelNotice[]): Act =>
  async (saga, fake, environment) => {
    await until(fake, 'bookCarrier');
    for (const notice of notices) {
      await environment.sleep(HOUR);
      await saga.signal(PARCEL_NOTICE_SIGNAL, notice);
    }
  };
const inTurn =
  (...acts: Act[]): Act =>
  async (...on) => {
    for (const act of acts) await act(...on);
  };
const waits =
  (ms: number): Act =>
  (_saga, _fake, environment) =>
    environment.sleep(ms);
const shows =
  (step: string): Act =>
  (saga) =>
    eventually(async () => ((await progressOf(saga)).current?.name === step ? true : undefined), {
      what: `the saga is at ${step}`,
    });

const until = (fake: FakeSteps, step: StepName): Promise<unknown> =>
  eventually(() => Promise.resolve(fake.done.includes(step) || undefined), { what: `${step} is done` });

const approval: Partial<SagaSettings> = { approvalLimitMinor: 100 };
const declined = { chargePayment: times('PAYMENT_DECLINED') };
const stuck = { faults: { ...declined, refundPayment: times('PAYMENT_UNAVAILABLE') } };
const unanswered = times('PAYMENT_OUTCOME_UNKNOWN', 1);

export const orderPaths: Readonly<Record<string, Omit<SagaPath, 'saga'>>> = {
  completed: {},
  'completed-regular-steps': { settings: remote },
  'out-of-stock': { script: { faults: { reserveInventory: times('OUT_OF_STOCK') } } },
  declined: { script: { faults: declined } },
  'declined-regular-steps': { script: { faults: declined }, settings: remote },
  'unknown-outcome-charged': {
    script: { faults: { chargePayment: unanswered }, chargeStatus: ['CHARGED'] },
  },
  'unknown-outcome-not-charged': { script: { faults: { chargePayment: unanswered } } },
  'unknown-outcome-declined': {
    script: { faults: { chargePayment: unanswered }, chargeStatus: ['DECLINED'] },
  },
  'five-failures': {
    script: {
      faults: {
        reserveInventory: times('INVENTORY_UNAVAILABLE', 5),
        chargePayment: times('PAYMENT_UNAVAILABLE', 5),
      },
    },
  },
  'five-failures-regular-steps': {
    script: {
      faults: {
        reserveInventory: times('INVENTORY_UNAVAILABLE', 5),
        chargePayment: times('PAYMENT_UNAVAILABLE', 5),
        completeOrder: times('STEP_TIMED_OUT', 5),
      },
    },
    settings: remote,
  },
  'payment-overdue': {
    script: { faults: { chargePayment: times('PAYMENT_UNAVAILABLE') } },
    settings: { deadlines: { ...sagaSettings().deadlines, paymentMs: 60_000 } },
  },
  'reservation-expired': {
    script: { faults: { reserveInventory: times('INVENTORY_UNAVAILABLE') } },
    settings: { deadlines: { ...sagaSettings().deadlines, reservationMs: 60_000 } },
  },
  'stuck-retried': {
    script: { faults: { ...declined, refundPayment: times('PAYMENT_UNAVAILABLE', 5) } },
    act: stuckThen((saga) => resolve(saga, 'retry')),
  },
  'stuck-done-by-hand': { script: stuck, act: stuckThen((saga) => resolve(saga, 'done-by-hand')) },
  'stuck-waived': { script: stuck, act: stuckThen(waive) },
  'stuck-open': { script: stuck, act: stuckThen(() => Promise.resolve()), isOpen: true },
  approved: { settings: approval, act: decide('approve') },
  'approved-regular-steps': { settings: { ...approval, ...remote }, act: decide('approve') },
  rejected: { settings: approval, act: decide('reject') },
  'approval-overdue': { settings: approval },
  'approval-open': {
    settings: approval,
    act: (_saga, fake) => until(fake, 'requestApproval'),
    isOpen: true,
  },
  'cancelled-while-it-waits-for-approval': {
    settings: approval,
    act: inTurn((_saga, fake) => until(fake, 'requestApproval'), cancel),
  },
  'cancelled-by-the-workflow': {
    settings: approval,
    act: inTurn(
      (_saga, fake) => until(fake, 'requestApproval'),
      (saga) => saga.cancel(),
    ),
  },
  'cancelled-while-it-pauses': {
    script: { faults: { chargePayment: times('PAYMENT_UNAVAILABLE') } },
    act: inTurn(shows('charge payment'), cancel),
  },
  ...cancelledDuring(
    ['orderStatus', 'reserveInventory', 'chargePayment', 'completeOrder'],
    ['refundPayment', 'releaseInventory', 'cancelOrder'],
    declined,
  ),
  'after-an-earlier-run-that-completed': { script: { orderStatus: 'COMPLETED' } },
  'after-an-earlier-run-that-reserved': { script: { orderStatus: 'RESERVED' } },
};

const shipped: Script = { orderStatus: 'COMPLETED' };
export const shipmentPaths: Readonly<Record<string, Omit<SagaPath, 'saga'>>> = {
  delivered: { script: shipped, act: told('DISPATCHED', 'DELIVERED') },
  'delivered-regular-steps': { script: shipped, settings: remote, act: told('DISPATCHED', 'DELIVERED') },
  'delivered-after-14-days': {
    script: shipped,
    act: inTurn(told('DISPATCHED'), waits(13 * DAY), told('DELIVERED')),
  },
  'delivery-overdue-after-14-days': { script: shipped, act: told('DISPATCHED') },
  'delivery-open': { script: shipped, act: told('DISPATCHED'), isOpen: true },
  'dispatch-overdue': { script: shipped },
  'dispatch-open': { script: shipped, act: (_saga, fake) => until(fake, 'bookCarrier'), isOpen: true },
  'recall-too-late': {
    script: { ...shipped, cancellable: false },
    act: inTurn(waits(25 * HOUR), told('DELIVERED')),
  },
  lost: { script: shipped, act: told('DISPATCHED', 'LOST') },
  refused: { script: { ...shipped, faults: { bookCarrier: times('BOOKING_REFUSED') } } },
  'unknown-outcome-booked': {
    script: { ...shipped, faults: { bookCarrier: times('BOOKING_OUTCOME_UNKNOWN', 1) } },
    act: async (saga, fake) => {
      await until(fake, 'locateParcel');
      await saga.signal(PARCEL_NOTICE_SIGNAL, 'DISPATCHED');
      await saga.signal(PARCEL_NOTICE_SIGNAL, 'DELIVERED');
    },
  },
  'unknown-outcome-not-booked': {
    script: {
      ...shipped,
      parcelStatus: ['NOT_FOUND'],
      faults: { bookCarrier: times('BOOKING_OUTCOME_UNKNOWN', 1) },
    },
    act: told('DISPATCHED', 'DELIVERED'),
  },
  'five-failures': {
    script: {
      ...shipped,
      faults: {
        bookCarrier: times('CARRIER_UNAVAILABLE', 5),
        shipInventory: times('INVENTORY_UNAVAILABLE', 5),
      },
    },
    act: told('DISPATCHED', 'DELIVERED'),
  },
  'cancelled-before-it-leaves': {
    script: shipped,
    act: inTurn((_saga, fake) => until(fake, 'bookCarrier'), cancel),
  },
  'cancelled-too-late': {
    script: shipped,
    act: inTurn(told('DISPATCHED'), shows('wait until the parcel has arrived'), (saga) =>
      saga.executeUpdate(CANCEL_UPDATE, { args: [{ reason: 'too late' }] }).catch(() => undefined),
    ),
  },
  'stuck-waived': {
    script: { ...shipped, faults: { ...stuck.faults, bookCarrier: times('BOOKING_REFUSED') } },
    act: stuckThen(waive),
  },
  ...cancelledDuring(
    ['bookCarrier', 'cancelBooking', 'shipInventory', 'deliverOrder'],
    ['failShipment', 'refundOrder'],
    { bookCarrier: times('BOOKING_REFUSED') },
    { script: shipped, act: told('DISPATCHED', 'DELIVERED') },
  ),
  'after-an-earlier-run-that-shipped': {
    script: { orderStatus: 'SHIPPED', parcelStatus: ['DISPATCHED'] },
    act: async (saga, fake) => {
      await until(fake, 'locateParcel');
      await saga.signal(PARCEL_NOTICE_SIGNAL, 'DELIVERED');
    },
  },
};

/** Each step with a cancellation while it is under way: those of the way forward, and those that undo it. */
function cancelledDuring(
  forward: readonly StepName[],
  undoing: readonly StepName[],
  failing: NonNullable<Script['faults']>,
  base: Pick<SagaPath, 'script' | 'act'> = {},
): Record<string, Omit<SagaPath, 'saga'>> {
  const path = (step: StepName, more: Omit<SagaPath, 'saga'>): [string, Omit<SagaPath, 'saga'>] => [
    `cancelled-during-${step}`,
    { ...more, settings: remote, cancelDuring: step },
  ];
  return Object.fromEntries([
    ...forward.map((step) => path(step, base)),
    ...undoing.map((step) => path(step, { script: { ...base.script, faults: failing } })),
  ]);
}
