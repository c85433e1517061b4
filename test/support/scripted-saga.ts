import { setTimeout as pause } from 'node:timers/promises';
import {
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import fc from 'fast-check';
import {
  isRetryOnly,
  undoNames,
  type ApprovalDecision,
  type DeskDecision,
  type StuckName,
  type StuckStep,
  type UndoName,
} from '../../domain/desk.ts';
import { businessRefusals } from '../../domain/errors.ts';
import type { OrderOutcome } from '../../domain/order-saga.ts';
import {
  APPROVAL_UPDATE,
  CANCEL_UPDATE,
  RESOLVE_UPDATE,
  type DeskAnswer,
} from '../../domain/saga-requests.ts';
import type { CallName } from '../../domain/saga-steps.ts';
import { PARCEL_NOTICE_SIGNAL, type ParcelNotice, type ShipmentOutcome } from '../../domain/shipment-saga.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../domain/topology.ts';
import { newId } from '../../platform/clock.ts';
import { placedOrder, sagaSettings } from './builders.ts';
import type { Gathering } from './gathering.ts';
import { createModel, type Model, type Outcome } from './model-services.ts';

/** Everything that happens to one order, from outside of its sagas. */
export interface Script {
  readonly outcomes: Partial<Record<CallName, readonly Outcome[]>>;
  /** The customer cancels before, or after, the nth call of this name acts. */
  readonly cancelAt?: { readonly call: CallName; readonly nth: number; readonly when: 'before' | 'after' };
  /** By Temporal's own cancellation and not by the update. */
  readonly cancelsWorkflow: boolean;
  /** What operators decide when a saga is stuck, in turn; afterwards they retry. */
  readonly operator: readonly DeskDecision[];
  /** Who else waives at the same moment, in turn: a second operator, or the one who asks once more, to no avail. */
  readonly waiverBy: readonly ('second' | 'same')[];
  /** Of an order above the limit; null: nobody decides. `undefined`: below the limit. */
  readonly approval: ApprovalDecision['decision'] | null | undefined;
  /** What the carrier tells, as the parcel is booked and as it has left. */
  readonly notices: { readonly booked?: 'DISPATCHED'; readonly left?: 'DELIVERED' | 'LOST' };
  readonly localSteps: boolean;
  /** What reaches the saga in one workflow task, together with the end of a call. */
  readonly together?: Together;
}

/** What can reach a saga from outside; news of the carrier only as the parcel really moves. */
const arrivals = [
  'cancel',
  'cancel workflow',
  'approve',
  'reject',
  'retry',
  'DISPATCHED',
  'DELIVERED',
  'LOST',
] as const;
type Arrival = (typeof arrivals)[number];

interface Together {
  /** The call that is held before or after it acts, or `idle`: the saga waits after it. */
  readonly at: { readonly call: CallName; readonly nth: number; readonly when: 'before' | 'after' | 'idle' };
  /** In this order. */
  readonly arrivals: readonly Arrival[];
}

/** Calls that are never local in these scripts. */
const remote: ReadonlySet<CallName> = new Set([
  'chargePayment',
  'resolveCharge',
  'refundPayment',
  'bookCarrier',
  'locateParcel',
  'cancelBooking',
  'beginUndo',
  'recordResolution',
]);

const outcome = fc.constantFrom<Outcome>('ok', 'unavailable', 'lost', 'late', 'refused');
const transient = fc.constantFrom<Outcome>('ok', 'unavailable', 'lost', 'late');
const forwardOutcomes = fc.array(outcome, { maxLength: 6 });
const undoOutcomes = fc.array(transient, { maxLength: 8 });
const orderOutcomes = fc.array(fc.constantFrom<Outcome>('ok', 'unavailable', 'lost', 'refused'), {
  maxLength: 3,
});
const askOutcomes = fc.array(fc.constantFrom<Outcome>('ok', 'unavailable', 'lost'), { maxLength: 3 });

const cancellable: CallName[] = [
  'orderStatus',
  'requestApproval',
  'recordApproval',
  'reserveInventory',
  'chargePayment',
  'resolveCharge',
  'completeOrder',
  'bookCarrier',
  'locateParcel',
  'cancelBooking',
  'shipInventory',
  'refundPayment',
  'releaseInventory',
  'recordStuck',
  'requestWaiver',
];

export const scripts: fc.Arbitrary<Script> = fc.record({
  outcomes: fc.record(
    {
      reserveInventory: forwardOutcomes,
      chargePayment: forwardOutcomes,
      bookCarrier: forwardOutcomes,
      completeOrder: askOutcomes,
      shipInventory: askOutcomes,
      resolveCharge: askOutcomes,
      locateParcel: askOutcomes,
      failShipment: orderOutcomes,
      cancelOrder: orderOutcomes,
      refundOrder: orderOutcomes,
      recordStuck: askOutcomes,
      requestWaiver: askOutcomes,
      recordResolution: askOutcomes,
      releaseInventory: undoOutcomes,
      refundPayment: undoOutcomes,
      cancelBooking: undoOutcomes,
    },
    { requiredKeys: [] },
  ),
  cancelAt: fc.option(
    fc.record({
      call: fc.constantFrom(...cancellable),
      nth: fc.integer({ min: 1, max: 3 }),
      when: fc.constantFrom('before' as const, 'after' as const),
    }),
    { nil: undefined },
  ),
  cancelsWorkflow: fc.boolean(),
  operator: fc.array(fc.constantFrom<DeskDecision>('retry', 'done-by-hand', 'waive'), { maxLength: 3 }),
  waiverBy: fc.array(fc.constantFrom('second' as const, 'second' as const, 'same' as const), {
    maxLength: 3,
  }),
  approval: fc.constantFrom('approve', 'approve', 'reject', null, undefined, undefined, undefined, undefined),
  notices: fc.record(
    {
      booked: fc.constant('DISPATCHED' as const),
      left: fc.constantFrom('DELIVERED' as const, 'LOST' as const),
    },
    { requiredKeys: [] },
  ),
  localSteps: fc.boolean(),
}) as fc.Arbitrary<Script>;

/** Scripts in which things arrive together: with the end of a call, or while the saga waits after one. */
export const arrivingTogether: fc.Arbitrary<Script> = fc
  .tuple(
    scripts,
    fc.record({
      at: fc.oneof(
        fc.record({
          call: fc.constantFrom<CallName>('bookCarrier', 'chargePayment', ...remote),
          nth: fc.constantFrom(1, 1, 1, 2),
          when: fc.constantFrom('before' as const, 'after' as const),
        }),
        fc.record({
          call: fc.constantFrom<CallName>('requestApproval', 'recordStuck', 'bookCarrier', 'shipInventory'),
          nth: fc.constant(1),
          when: fc.constant('idle' as const),
        }),
      ),
      arrivals: fc.shuffledSubarray([...arrivals, 'DISPATCHED' as const, 'cancel' as const], {
        minLength: 1,
      }),
    }),
    fc.boolean(),
  )
  .map(([{ cancelAt: _, ...script }, together, isSmooth]) => ({
    ...script,
    // Half of them run smoothly up to that call: most scripts with faults do not get far.
    ...(isSmooth && { outcomes: {}, notices: {} }),
    approval: together.at.call === 'requestApproval' ? null : script.approval,
    together,
  }));

/** A parcel that leaves while its order is cancelled. */
export const cancelledAsItLeaves: fc.Arbitrary<Script> = arrivingTogether.map((script) => ({
  ...script,
  outcomes: {},
  approval: undefined,
  notices: {},
  together: {
    at: { call: 'bookCarrier', nth: 1, when: 'idle' },
    arrivals: ['DISPATCHED', 'cancel'],
  },
}));

/** Among these are many in which a charge arrives after its refund. */
export const cancelledWhileCharging: fc.Arbitrary<Script> = scripts.map((script) => ({
  ...script,
  outcomes: { ...script.outcomes, reserveInventory: [], chargePayment: ['late'] },
  cancelAt: { call: 'chargePayment', nth: 1, when: 'before' },
  approval: undefined,
}));

/** A refund that never works, and an operator who waives it at once with whoever the script names. */
export const refundIsWaived: fc.Arbitrary<Script> = scripts.map(({ cancelAt: _, ...script }) => ({
  ...script,
  outcomes: { chargePayment: ['refused'], refundPayment: Array<Outcome>(3).fill('unavailable') },
  operator: ['waive'],
  approval: undefined,
}));

/** What became of the order and its world. */
export interface Played {
  readonly model: Model;
  readonly order: OrderOutcome;
  readonly shipment?: ShipmentOutcome;
  /** Whether an operator let a booking be that could not be taken back. */
  readonly letsParcelGo: boolean;
}

interface Stage {
  readonly client: Client;
  readonly taskQueue: string;
  readonly models: Map<string, Model>;
  readonly fences?: boolean;
  /** Of a script in which things arrive together. */
  readonly gathering?: Gathering;
}

/** Short enough to come due in many scripts, in ms: whether they do depends on the machine, and must not matter. */
const deadlines = {
  approvalMs: 300,
  reservationMs: 4_000,
  paymentMs: 3_000,
  dispatchMs: 2_000,
  deliveryMs: 500,
};

/** Longer than it takes until things are sent together, so that they come due only while the workflows stand still. */
const deadlinesTogether = {
  approvalMs: 8_000,
  reservationMs: 12_000,
  paymentMs: 10_000,
  dispatchMs: 8_000,
  deliveryMs: 8_000,
};
/** From when on the deadlines of these scripts are over, in ms. */
export const TIMERS_COME_DUE_MS = 8_500;

/** A saga that takes longer does not end. A busy server takes its time: a lost workflow task alone costs 10 s. */
const LIMIT_MS = 300_000;

/** Runs an order through its sagas as the script says. @throws when a saga fails, or does not end */
export async function play(
  script: Script,
  { client, taskQueue, models, fences = true, gathering }: Stage,
): Promise<Played> {
  const order = placedOrder();
  const settings = sagaSettings({
    localSteps: script.localSteps ? ['inventory', 'orders'] : [],
    approvalLimitMinor: script.approval === undefined ? null : order.totalMinor - 1,
    deadlines: script.together ? deadlinesTogether : deadlines,
    retryPauseMs: 1,
  });
  const decisions = [...script.operator];
  const waiverBy = [...script.waiverBy];
  const sent: Promise<unknown>[] = [];
  let running: WorkflowHandle | undefined;
  let lastCallAt = Date.now();

  /** Does not wait for the answer: that may need the very call from which this is sent. */
  const send = (update: string, argument: object): void => {
    if (running) sent.push(insist(running, update, argument));
  };

  const model = createModel(order.id, {
    outcomes: script.outcomes,
    fences,
    around: async (name, nth, when, args) => {
      lastCallAt = Date.now();
      const { cancelAt } = script;
      if (cancelAt?.call === name && cancelAt.nth === nth && cancelAt.when === when) {
        if (script.cancelsWorkflow) await running?.cancel();
        else send(CANCEL_UPDATE, { reason: 'changed my mind' });
        if (!isLocal(name)) await pause(ARRIVAL_MS);
      }
      await gather(name, nth, when);
      if (when === 'before') return;
      if (name === 'requestApproval' && script.approval && nth === 1)
        send(APPROVAL_UPDATE, { decision: script.approval, operator: 'ops', reason: 'said so' });
      if (name === 'recordStuck') await resolve((args[1] as StuckStep).undo);
      if (name === 'bookCarrier' && script.notices.booked && model.world.parcel === 'BOOKED')
        await tell('DISPATCHED');
      if (name === 'shipInventory' && script.notices.left && model.world.parcel === 'DISPATCHED')
        await tell(script.notices.left);
    },
  });
  const tell = async (notice: ParcelNotice): Promise<void> => {
    model.moveParcel(notice);
    await running?.signal(PARCEL_NOTICE_SIGNAL, notice);
  };
  /** Holds the call, or lets it end, and sends what arrives together once the workflows stand still. */
  const gather = async (call: CallName, nth: number, when: 'before' | 'after'): Promise<void> => {
    const { at } = script.together ?? {};
    if (at?.call !== call || at.nth !== nth || at.when !== when) {
      if (at?.when === 'idle' && at.call === call && at.nth === nth && when === 'after')
        sent.push(pause(IDLE_AFTER_MS).then(sendTogether));
      return;
    }
    await sendTogether();
  };
  const sendTogether = async (): Promise<void> => {
    if (hasGathered || !gathering || !running) return;
    hasGathered = true;
    if (!(await gathering.arrive())) return;
    for (const arrival of script.together?.arrivals ?? []) await deliver(arrival).catch(ignoreSagaThatIsOver);
    sent.push(
      untilOnServer(running).finally(() => {
        gathering.sent();
      }),
    );
  };
  let hasGathered = false;
  const deliver = async (arrival: Arrival): Promise<void> => {
    if (arrival === 'cancel workflow') await running?.cancel();
    else if (arrival === 'cancel') send(CANCEL_UPDATE, { reason: 'changed my mind' });
    else if (arrival === 'approve' || arrival === 'reject')
      send(APPROVAL_UPDATE, { decision: arrival, operator: 'ops', reason: 'said so' });
    else if (arrival === 'retry')
      send(RESOLVE_UPDATE, { decision: 'retry', operator: 'ops', reason: 'seen' });
    else if (model.world.parcel === (arrival === 'DISPATCHED' ? 'BOOKED' : 'DISPATCHED')) await tell(arrival);
    // An update is only sent here; the next thing comes behind it.
    await pause(ARRIVAL_MS);
  };
  let letsParcelGo = false;
  /** A waiver takes two: where the second is the same, somebody else tries again. */
  const waive = async (saga: WorkflowHandle, undo: StuckName): Promise<void> => {
    const say = (operator: string, decision: DeskDecision): Promise<unknown> =>
      insist(saga, RESOLVE_UPDATE, { decision, operator, reason: 'seen' });
    const second = waiverBy.shift() === 'same' ? 'ops' : 'second';
    const answers = await Promise.all([say('ops', 'waive'), say(second, 'waive')]);
    if (!answers.includes('APPLIED' satisfies DeskAnswer)) await say('third', 'retry');
    else if (undo === 'cancelBooking') letsParcelGo = true;
  };
  /** What the order refuses without being told to, it refuses for ever: something was not undone. */
  const resolve = async (stuck: StuckName): Promise<void> => {
    const nth = model.calls.filter((name) => name === stuck).length;
    const isTold = script.outcomes[stuck]?.[nth - 1] === 'refused';
    if (isRetryOnly(stuck) && !isTold)
      await running?.terminate(`the order itself refuses ${stuck}`).catch(() => undefined);
    else {
      const decision = decide(stuck);
      if (decision !== 'waive') send(RESOLVE_UPDATE, { decision, operator: 'ops', reason: 'seen' });
      else if (running) sent.push(waive(running, stuck));
    }
  };
  /** An operator looks first: what has left cannot be taken back by hand, and an order has to end. */
  const decide = (undo: StuckName): DeskDecision => {
    if (isRetryOnly(undo)) return 'retry';
    const decision = decisions.shift() ?? 'retry';
    if (decision !== 'done-by-hand') return decision;
    if (undo === 'cancelBooking' && !['BOOKED', 'NOT_FOUND'].includes(model.world.parcel)) return 'waive';
    model.byHand(undo);
    return decision;
  };
  const isLocal = (name: CallName): boolean => script.localSteps && !remote.has(name);
  models.set(order.id, model);

  const run = async <T>(type: string, workflowId: string, args: [object]): Promise<T> => {
    running = await client.workflow.start(type, {
      workflowId,
      taskQueue,
      args,
      workflowExecutionTimeout: LIMIT_MS,
    });
    try {
      return (await running.result()) as T;
    } catch (error) {
      const idleMs = Date.now() - lastCallAt;
      throw new Error(`${type}, ${idleMs} ms after ${model.calls.join(' ')}`, { cause: error });
    } finally {
      running = undefined;
      await Promise.all(sent.splice(0));
    }
  };
  const leave = (): void => {
    if (gathering && !hasGathered) gathering.leave();
    hasGathered = true;
  };
  try {
    return await playSagas();
  } finally {
    leave();
  }

  async function playSagas(): Promise<Played> {
    const outcomeOfOrder = await run<OrderOutcome>('orderSaga', orderWorkflowId(order.id), [
      { order, settings },
    ]);
    if (outcomeOfOrder.status !== 'COMPLETED') {
      await model.settle();
      return { model, order: outcomeOfOrder, letsParcelGo };
    }
    const { id, provenance } = order;
    const shipment = await run<ShipmentOutcome>('shipmentSaga', shipmentWorkflowId(id), [
      { order: { id, provenance }, settings },
    ]);
    await model.settle();
    return { model, order: outcomeOfOrder, shipment, letsParcelGo };
  }
}

/** Time for an update to arrive while the call is still running, in ms. */
const ARRIVAL_MS = 30;
/** Time for a saga to take the answer of a call and to wait for what comes next, in ms. */
const IDLE_AFTER_MS = 500;

function ignoreSagaThatIsOver(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}

/** Until the end of the call that was held is in the saga's history; of a call that is tried again there is none. */
async function untilOnServer(saga: WorkflowHandle | undefined): Promise<void> {
  const until = Date.now() + ON_SERVER_WITHIN_MS;
  while (Date.now() < until) {
    const described = await saga?.describe();
    if ((described?.raw.pendingActivities?.length ?? 0) === 0) return;
    await pause(ARRIVAL_MS);
  }
}
const ON_SERVER_WITHIN_MS = 2_000;

/**
 * Asks again, as a person does, until the saga has taken it, has refused it, or is over. Never rejects.
 * @returns what the saga answered, undefined when it refused
 */
async function insist(saga: WorkflowHandle, update: string, argument: object): Promise<unknown> {
  const until = Date.now() + LIMIT_MS;
  // What was taken, and whose answer got lost, is not taken a second time.
  const updateId = newId();
  while (Date.now() < until) {
    try {
      return await saga.executeUpdate(update, { args: [argument], updateId });
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError || error instanceof WorkflowNotFoundError)
        return undefined;
      // Such as a workflow task that got lost with the update in it; a saga that is over is found out next time.
      await pause(ASK_AGAIN_MS);
    }
  }
}
const ASK_AGAIN_MS = 200;

const isUndo = (name: CallName): name is UndoName => (undoNames as readonly string[]).includes(name);
const forwards: ReadonlySet<CallName> = new Set([
  'reserveInventory',
  'chargePayment',
  'completeOrder',
  'bookCarrier',
]);

/** What is wrong in the end, a line each; nothing when the promises were kept. */
export function violations({
  model: { order, calls, desk, world },
  order: outcome,
  shipment,
  letsParcelGo,
}: Played): string[] {
  const { status, payment, inventory, cancelReason, undo } = order();
  const said = (shipment ?? outcome).status;
  const isPaid = status === 'DELIVERED';
  const firstUndo = calls.findIndex(isUndo);
  const wentOn = status === 'DELIVERED' || calls.includes('shipInventory');
  return [
    ...(['DELIVERED', 'CANCELLED', 'REFUNDED'].includes(status)
      ? []
      : [`the order has not ended: ${status}`]),
    ...(said === status ? [] : [`the saga said ${said}, the order is ${status}`]),
    ...(world.net === 0 || world.net === 1 ? [] : [`${world.net} net charges`]),
    ...(isPaid && world.net !== 1 ? ['delivered, and not paid'] : []),
    ...(!isPaid && world.net !== 0 && payment !== 'WAIVED' ? [`${status}, and the money is kept`] : []),
    ...(world.reservation === 'HELD' && inventory !== 'WAIVED' ? [`${status}, and stock is held`] : []),
    ...(isPaid && world.reservation !== 'SHIPPED' ? ['delivered, and the stock was not booked out'] : []),
    ...(world.parcel === 'BOOKED' && !letsParcelGo ? ['a parcel is booked that nobody waits for'] : []),
    ...(isUndoneForwards(calls) ? ['undone in the order of doing'] : []),
    ...(cancelReason !== null && !businessReasons.includes(cancelReason)
      ? [`${status} for a technical reason: ${cancelReason}`]
      : []),
    ...(cancelReason !== null && undo?.reason !== cancelReason
      ? [`the reason shown is ${cancelReason}, the first was ${undo?.reason ?? 'none'}`]
      : []),
    ...(status === 'REFUNDED' &&
    hasLeft(world.parcel) &&
    !letsParcelGo &&
    !mayFollowTheParcel.has(cancelReason)
      ? [`refunded for ${cancelReason}, and the parcel is ${world.parcel}`]
      : []),
    ...(firstUndo >= 0 && !wentOn && calls.slice(firstUndo).some((name) => forwards.has(name))
      ? [`forward after undo: ${calls.slice(firstUndo).join(' ')}`]
      : []),
    ...undone(calls, status),
    ...waivedByOne(desk),
  ];
}

const businessReasons: readonly string[] = [...businessRefusals, 'CANCEL_REQUESTED'];
/** For these the money goes back although the parcel has left. */
const mayFollowTheParcel: ReadonlySet<string | null> = new Set(['PARCEL_LOST', 'DELIVERY_OVERDUE']);
const hasLeft = (parcel: Model['world']['parcel']): boolean =>
  parcel === 'DISPATCHED' || parcel === 'DELIVERED' || parcel === 'LOST';

export function isUndoneForwards(calls: readonly CallName[]): boolean {
  const release = calls.indexOf('releaseInventory');
  return release >= 0 && calls.indexOf('refundPayment') > release;
}

/** Waivers that no other operator had asked for, that very time. */
const waivedByOne = (desk: Model['desk']): string[] =>
  desk.flatMap(({ decision, operator, workflowId, occurrence, undo }, index) => {
    const isAsked = desk
      .slice(0, index)
      .some(
        (earlier) =>
          earlier.decision === undefined &&
          earlier.workflowId === workflowId &&
          earlier.occurrence === occurrence &&
          earlier.operator !== operator,
      );
    return decision !== 'waive' || isAsked ? [] : [`${undo} was waived by ${operator} alone`];
  });

/** Each step that has begun was completed, or its compensation has begun. */
function undone(calls: readonly CallName[], status: string): string[] {
  const missing = (step: CallName, undo: CallName): string[] =>
    calls.includes(step) && !calls.includes(undo) ? [`${step} was begun, and ${undo} never`] : [];
  if (status === 'DELIVERED') return [];
  return [
    ...(calls.includes('shipInventory') ? [] : missing('reserveInventory', 'releaseInventory')),
    ...missing('chargePayment', 'refundPayment'),
    ...(calls.includes('shipInventory') ? [] : missing('bookCarrier', 'cancelBooking')),
  ];
}
