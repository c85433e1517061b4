import assert from 'node:assert/strict';
import {
  WithStartWorkflowOperation,
  WorkflowExecutionAlreadyStartedError,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { OrderOutcome } from '../../domain/order-saga.ts';
import { CANCEL_UPDATE } from '../../domain/saga-requests.ts';
import type { CallName } from '../../domain/saga-steps.ts';
import { PARCEL_NOTICE_SIGNAL, type ParcelNotice, type ShipmentOutcome } from '../../domain/shipment-saga.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../domain/topology.ts';
import { placedOrder, sagaSettings } from './builders.ts';
import { createModel, type Model, type Outcome } from './model-services.ts';
import { violations } from './scripted-saga.ts';

type Outcomes = Partial<Record<CallName, readonly Outcome[]>>;
type SagaName = 'order' | 'shipment';

/** Whether the cancellation is in the saga's history before a call goes on, or arrives together with the call's end. */
type Arrival = 'during each call' | "with each call's end";

interface Stage {
  readonly client: Client;
  readonly taskQueue: string;
  readonly models: Map<string, Model>;
}

/** What calls come to, by a name for it. */
const scenarios: Readonly<Record<string, Outcomes>> = {
  'all goes well': {},
  'answers are lost': {
    reserveInventory: ['lost'],
    chargePayment: ['lost'],
    bookCarrier: ['lost'],
    refundPayment: ['lost'],
    releaseInventory: ['lost'],
    cancelBooking: ['lost'],
  },
  'steps act late': { reserveInventory: ['late'], chargePayment: ['late'], bookCarrier: ['late'] },
  'the payment is declined': { chargePayment: ['unavailable', 'refused'] },
  'the carrier refuses': { bookCarrier: ['unavailable', 'refused'] },
};

/** The moment from which on each saga goes through to its end. */
const pointsOfNoReturn = { order: 'before completeOrder', shipment: 'before shipInventory' } as const;

/**
 * Tests, for each scenario, that cancel each saga at every event of its history. Every step is a regular activity, so
 * that it leaves events of its own; what one workflow task writes together is one moment, nothing arrives in between.
 * @param atATime how many orders run at once
 */
export function cancelsAtEveryEvent(arrival: Arrival, atATime: number, stage: () => Stage): void {
  for (const [scenario, outcomes] of Object.entries(scenarios)) {
    for (const saga of ['order', 'shipment'] as const) {
      if (saga === 'shipment' && scenario === 'the payment is declined') continue; // there is none
      it(`money and stock balance: ${saga} saga, ${scenario}`, async () => {
        const taken: string[] = [];
        const refused: string[] = [];
        let isOver = false;
        for (let first = 0; !isOver; first += atATime) {
          const some = Array.from({ length: atATime }, (_none, index) =>
            runAndCancel(outcomes, { saga, nth: first + index, arrival }, stage()),
          );
          for (const { at, answer } of await Promise.all(some)) {
            if (at === undefined) isOver = true;
            else (answer === 'TAKEN' ? taken : refused).push(at);
          }
        }
        assert.ok(taken.length > 0, 'not one cancellation was taken');
        const noReturn = pointsOfNoReturn[saga];
        assert.ok(!taken.includes(noReturn), `taken ${noReturn}`);
        if (arrival === "with each call's end") return; // the call's end may win
        if (isUndone[scenario] === saga) assert.deepEqual(refused, []);
        else assert.ok(refused.includes(noReturn), `not refused ${noReturn}`);
      });
    }
  }
}

/** Tests that cancel each saga before it exists: the cancellation starts it. */
export function cancelsBeforeTheBeginning(stage: () => Stage): void {
  const settings = sagaSettings({ localSteps: [], retryPauseMs: 1 });

  it('starts the order saga, which touches nothing and ends; it does not begin again', async () => {
    const { client, taskQueue, models } = stage();
    const order = placedOrder();
    const model = createModel(order.id);
    models.set(order.id, model);
    const workflowId = orderWorkflowId(order.id);
    const start = { workflowId, taskQueue, args: [{ order, settings }] };
    await client.workflow.executeUpdateWithStart(CANCEL_UPDATE, {
      args: [{ reason: 'changed my mind' }],
      startWorkflowOperation: new WithStartWorkflowOperation('orderSaga', {
        ...start,
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    });
    const outcome = await client.workflow.result<() => Promise<OrderOutcome>>(workflowId);
    assert.deepEqual(outcome, { status: 'CANCELLED', reason: 'CANCEL_REQUESTED' });
    const moved: CallName[] = ['reserveInventory', 'chargePayment'];
    assert.ok(!model.calls.some((name) => moved.includes(name)), model.calls.join(' '));
    const again = client.workflow.start('orderSaga', { ...start, workflowIdReusePolicy: 'REJECT_DUPLICATE' });
    await assert.rejects(again, WorkflowExecutionAlreadyStartedError);
  });

  it('starts the shipment saga, which gives money and stock back and books no parcel', async () => {
    const { client, taskQueue, models } = stage();
    const order = placedOrder();
    const model = createModel(order.id);
    models.set(order.id, model);
    const { id, provenance } = order;
    await client.workflow.execute('orderSaga', {
      workflowId: orderWorkflowId(id),
      taskQueue,
      args: [{ order, settings }],
    });
    const workflowId = shipmentWorkflowId(id);
    await client.workflow.executeUpdateWithStart(CANCEL_UPDATE, {
      args: [{ reason: 'changed my mind' }],
      startWorkflowOperation: new WithStartWorkflowOperation('shipmentSaga', {
        workflowId,
        taskQueue,
        args: [{ order: { id, provenance }, settings }],
        workflowIdConflictPolicy: 'USE_EXISTING',
      }),
    });
    const outcome = await client.workflow.result<() => Promise<ShipmentOutcome>>(workflowId);
    assert.deepEqual(outcome, { status: 'REFUNDED', reason: 'CANCEL_REQUESTED' });
    assert.ok(!model.calls.includes('bookCarrier'), model.calls.join(' '));
    const { net, reservation, parcel } = model.world;
    assert.deepEqual([net, reservation, parcel], [0, 'RELEASED', 'CANCELLED']);
  });
}

/** Scenarios that undo by themselves, and the saga that does: it refuses no cancellation. */
const isUndone: Readonly<Record<string, SagaName>> = {
  'the payment is declined': 'order',
  'the carrier refuses': 'shipment',
};

interface Cancelled {
  /** The moment at which it was cancelled; undefined when the saga ended before. */
  readonly at: string | undefined;
  /** The code that it was refused with, or `TAKEN`. */
  readonly answer: string | undefined;
}

/** Runs an order to its end, and cancels a saga of it when its nth moment has come. */
async function runAndCancel(
  outcomes: Outcomes,
  cancel: { saga: SagaName; nth: number; arrival: Arrival },
  { client, taskQueue, models }: Stage,
): Promise<Cancelled> {
  const order = placedOrder();
  const settings = sagaSettings({ localSteps: [], retryPauseMs: 1 });
  let running: WorkflowHandle | undefined;
  let saga: SagaName = 'order';
  let moments = 0;
  let at: string | undefined;
  let answering: Promise<string> | undefined;

  const pass = async (moment: string): Promise<void> => {
    if (saga !== cancel.saga || moments++ !== cancel.nth || !running) return;
    at = moment;
    const sending = running.startUpdate(CANCEL_UPDATE, {
      args: [{ reason: 'changed my mind' }],
      waitForStage: 'ACCEPTED',
    });
    answering = sending.then((update) => update.result()).then(() => 'TAKEN', codeOf);
    if (cancel.arrival === 'during each call') await Promise.allSettled([sending]);
  };
  const tell = async (notice: ParcelNotice): Promise<void> => {
    model.moveParcel(notice);
    await running?.signal(PARCEL_NOTICE_SIGNAL, notice);
  };
  const model = createModel(order.id, {
    outcomes,
    around: async (name, _nth, when) => {
      await pass(`${when} ${name}`);
      if (when === 'before') return;
      if (name === 'bookCarrier' && model.world.parcel === 'BOOKED') await tell('DISPATCHED');
      if (name === 'shipInventory' && model.world.parcel === 'DISPATCHED') await tell('DELIVERED');
    },
  });
  models.set(order.id, model);

  const { id, provenance } = order;
  const run = async <T>(workflowType: string, workflowId: string, args: [object]): Promise<T> => {
    running = await client.workflow.start(workflowType, { workflowId, taskQueue, args });
    return (await running.result()) as T;
  };
  const ofOrder = await run<OrderOutcome>('orderSaga', orderWorkflowId(id), [{ order, settings }]);
  const played = { model, order: ofOrder, letsParcelGo: false };
  let last: OrderOutcome | ShipmentOutcome = ofOrder;
  if (ofOrder.status === 'COMPLETED') {
    saga = 'shipment';
    last = await run<ShipmentOutcome>('shipmentSaga', shipmentWorkflowId(id), [
      { order: { id, provenance }, settings },
    ]);
  }
  await model.settle();
  const answer = await answering;
  const told = `cancelled ${at ?? 'never'}: ${answer ?? 'no answer'}, ${last.status} ${last.reason ?? ''}`;
  assert.deepEqual(violations(last === ofOrder ? played : { ...played, shipment: last }), [], told);
  if (answer === 'TAKEN') assert.ok(['CANCELLED', 'REFUNDED'].includes(last.status), told);
  else if (at !== undefined)
    assert.match(answer ?? '', /^(ORDER_IS_COMPLETING|TOO_LATE_TO_CANCEL|OVER)$/, told);
  return { at, answer };
}

/** The code that an update was refused with; `OVER` when the saga had ended. @throws any other error */
function codeOf(error: unknown): string {
  if (error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)
    return error.cause.type ?? '';
  if (
    error instanceof Error &&
    /already completed|NotFound/i.test(`${error.name} ${error.message} ${String(error.cause)}`)
  )
    return 'OVER';
  throw error;
}
