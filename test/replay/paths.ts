import { createHash } from 'node:crypto';
import { ApplicationFailure } from '@temporalio/activity';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { AuditActivities, AuditReport } from '../../domain/audit.ts';
import type { ErrorCode } from '../../domain/errors.ts';
import type { HousekeepingActivities, RelayActivities } from '../../domain/relay.ts';
import { APPROVAL_UPDATE, CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import type { SagaSettings } from '../../domain/saga-settings.ts';
import type { SagaWatchActivities } from '../../domain/saga-watch.ts';
import { PARCEL_NOTICE_SIGNAL, type ParcelNotice } from '../../domain/shipment-saga.ts';
import {
  AUDIT_SCHEDULE_ID,
  HOUSEKEEPING_SCHEDULE_ID,
  KEYS_SCHEDULE_ID,
  orderWorkflowId,
  relayWorkflowId,
  SAGA_WATCH_SCHEDULE_ID,
  shipmentWorkflowId,
} from '../../domain/topology.ts';
import { placedOrder, sagaSettings } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { progressOf, resolve, untilState, waive } from '../support/fake-sagas.ts';
import { createFakeSteps, routedByOrder, type FakeSteps, type StepName } from '../support/fake-steps.ts';
import type { WorkflowEnvironment } from '../support/workflow-env.ts';

type Script = NonNullable<Parameters<typeof createFakeSteps>[0]>;
type Act = (saga: WorkflowHandle, fake: FakeSteps, environment: WorkflowEnvironment) => Promise<unknown>;

interface SagaPath {
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

const orderPaths: Readonly<Record<string, Omit<SagaPath, 'saga'>>> = {
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
const shipmentPaths: Readonly<Record<string, Omit<SagaPath, 'saga'>>> = {
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

/** A stage on which paths are recorded. */
export interface Stage {
  readonly environment: WorkflowEnvironment;
  readonly fakes: Map<string, FakeSteps>;
}

/** Runs a workflow to the end of its path. */
type Path = (stage: Stage) => Promise<WorkflowHandle>;

/** Of this name always, so that a recording is like the one before. */
export function orderIdOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-7${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const sagaPath =
  (name: string, { saga, script, settings, cancelDuring, act, isOpen }: SagaPath): Path =>
  async ({ environment, fakes }) => {
    const { client, taskQueue } = environment;
    const order = placedOrder({ id: orderIdOf(name) });
    const { id, provenance } = order;
    const isOrder = saga === 'order';
    const workflowId = isOrder ? orderWorkflowId(id) : shipmentWorkflowId(id);
    const fake = createFakeSteps(script);
    fakes.set(id, cancelDuring ? cancelling(fake, cancelDuring, client, workflowId) : fake);
    const handle = await client.workflow.start(isOrder ? 'orderSaga' : 'shipmentSaga', {
      workflowId,
      taskQueue,
      args: [
        {
          order: isOrder ? order : { id, provenance },
          settings: sagaSettings({ undoAttempts: 3, ...settings }),
        },
      ],
    });
    // A saga that a cancellation ends takes no news any more.
    await act?.(handle, fake, environment).catch((error: unknown) => {
      if (cancelDuring === undefined) throw error;
    });
    if (isOpen !== true) await handle.result();
    return handle;
  };

/** Steps of which one waits until a cancellation is in the saga's history. */
function cancelling(fake: FakeSteps, during: StepName, client: Client, workflowId: string): FakeSteps {
  let isSent = false;
  const act = fake.steps[during] as (...args: unknown[]) => Promise<unknown>;
  const step = async (...args: unknown[]): Promise<unknown> => {
    if (!isSent) {
      isSent = true;
      const sending = client.workflow.getHandle(workflowId).startUpdate(CANCEL_UPDATE, {
        args: [{ reason: 'changed my mind' }],
        waitForStage: 'ACCEPTED',
      });
      // Refused past the point of no return, which is such a history as well.
      await Promise.allSettled([sending]);
    }
    return act(...args);
  };
  return { ...fake, steps: { ...fake.steps, [during]: step } };
}

const onePath =
  (workflowType: string, workflowId: string, ...args: unknown[]): Path =>
  async ({ environment: { client, taskQueue } }) => {
    const handle = await client.workflow.start(workflowType, { workflowId, taskQueue, args });
    await handle.result();
    return handle;
  };

/** From its start to the moment at which it continues as new. */
const relayPath: Path = async ({ environment: { client, taskQueue } }) => {
  const workflowId = relayWorkflowId(0);
  const first = await client.workflow.start('outboxRelay', { workflowId, taskQueue, args: [0] });
  const firstRun = client.workflow.getHandle(workflowId, first.firstExecutionRunId);
  await eventually(
    async () => ((await firstRun.describe()).status.name === 'CONTINUED_AS_NEW' ? true : undefined),
    { what: 'the relay continues as new', withinMs: 60_000 },
  );
  await client.workflow.getHandle(workflowId).terminate('recorded');
  return firstRun;
};

const named = (
  saga: SagaPath['saga'],
  paths: Readonly<Record<string, Omit<SagaPath, 'saga'>>>,
): [string, Path][] =>
  Object.entries(paths).map(([path, of]) => {
    const name = `${saga}-${path}`;
    return [name, sagaPath(name, { saga, ...of })];
  });

/** Every path that a workflow can take, by the name of its file. */
export const paths: ReadonlyMap<string, Path> = new Map([
  ...named('order', orderPaths),
  ...named('shipment', shipmentPaths),
  ['outbox-relay', relayPath],
  ['outbox-housekeeping', onePath('outboxHousekeeping', HOUSEKEEPING_SCHEDULE_ID)],
  ['keys-housekeeping', onePath('keysHousekeeping', KEYS_SCHEDULE_ID)],
  ['audit', onePath('audit', AUDIT_SCHEDULE_ID)],
  ['saga-watch', onePath('sagaWatch', SAGA_WATCH_SCHEDULE_ID)],
]);

const report: AuditReport = {
  startedAt: '2026-01-01T00:00:00.000Z',
  endedAt: '2026-01-01T00:00:01.000Z',
  counts: {
    orders: 3,
    summaries: 3,
    outbox: {},
    stream: {},
    unreadable: 0,
    books: { charges: 3, refunds: 0, parcels: 3, foreign: 0 },
  },
  checks: [
    {
      name: 'stock',
      holds: 'on hand is what came in less what has left',
      looked: 3,
      drifted: 1,
      parked: 0,
      moving: 1,
      samples: ['TEA'],
      advice: 'look at TEA',
    },
  ],
};

/** What the workflows of all paths call. */
export function createPathActivities(
  fakes: ReadonlyMap<string, FakeSteps>,
): ReturnType<typeof routedByOrder> &
  RelayActivities &
  HousekeepingActivities &
  AuditActivities &
  SagaWatchActivities {
  let relayed = 0;
  return {
    ...routedByOrder(fakes),
    // The outbox needs a decision once; from then on an activity ends as it does when its time is over.
    relayOutbox: () =>
      relayed++ === 1
        ? Promise.reject(ApplicationFailure.nonRetryable('set back', 'OUTBOX_REFUSED'))
        : Promise.resolve(),
    keepOutboxPartitions: () => Promise.resolve({ created: ['outbox_p1'], dropped: [], postponed: [] }),
    removeExpiredKeys: () => Promise.resolve(3),
    auditSystem: () => Promise.resolve(report),
    restartOrphans: () =>
      Promise.resolve({ examined: 3, orphaned: { TERMINATED: 1 }, restarted: 1, failed: 0 }),
  };
}
