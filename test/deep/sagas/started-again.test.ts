import assert from 'node:assert/strict';
import { WorkflowFailedError, WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { TerminatedFailure } from '@temporalio/common';
import type { OrderOutcome } from '../../../domain/order-saga.ts';
import type { SagaKind } from '../../../domain/order.ts';
import type { CallName } from '../../../domain/saga-steps.ts';
import { PARCEL_NOTICE_SIGNAL, type ParcelNotice } from '../../../domain/shipment-saga.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../../domain/topology.ts';
import { placedOrder, sagaSettings } from '../../support/builders.ts';
import { createModel, type Model, type Outcome } from '../../support/model-services.ts';
import { useSagaModels } from '../../support/saga-worker.ts';
import { violations } from '../../support/scripted-saga.ts';

type Outcomes = Partial<Record<CallName, readonly Outcome[]>>;

const AT_A_TIME = 8;
const always = (outcome: Outcome): Outcome[] => Array<Outcome>(20).fill(outcome);

/** What calls come to, by a name for it; and what the order ends in. */
const scenarios: readonly [string, SagaKind, Outcomes, string][] = [
  ['all goes well', 'order', {}, 'DELIVERED'],
  ['the payment is declined', 'order', { chargePayment: always('refused') }, 'CANCELLED PAYMENT_DECLINED'],
  ['answers are lost', 'order', { reserveInventory: ['lost'], chargePayment: ['lost'] }, 'DELIVERED'],
  ['all goes well', 'shipment', {}, 'DELIVERED'],
  ['the carrier refuses', 'shipment', { bookCarrier: always('refused') }, 'REFUNDED BOOKING_REFUSED'],
];

describe('a saga that is terminated and started again', function () {
  this.timeout(240_000);
  const { models, worker } = useSagaModels();

  for (const [scenario, saga, outcomes, end] of scenarios)
    it(`at any call ends as if nothing had happened: ${saga} saga, ${scenario}`, async () => {
      let isOver = false;
      for (let first = 0; !isOver; first += AT_A_TIME) {
        const some = Array.from({ length: AT_A_TIME }, (_none, index) =>
          runAndTerminate(outcomes, saga, first + index),
        );
        for (const { at, ended } of await Promise.all(some)) {
          assert.equal(ended, end, `terminated ${at ?? 'never'}`);
          isOver ||= at === undefined;
        }
      }
    });

  /** Terminates a saga when its nth call begins or has acted, and starts it again. */
  async function runAndTerminate(
    outcomes: Outcomes,
    saga: SagaKind,
    nth: number,
  ): Promise<{ at: string | undefined; ended: string }> {
    const order = placedOrder();
    const settings = sagaSettings({
      localSteps: nth % 2 === 0 ? [] : ['inventory', 'orders'],
      retryPauseMs: 1,
    });
    let kind: SagaKind = 'order';
    let running: WorkflowHandle | undefined;
    let moments = 0;
    let at: string | undefined;
    const tell = async (notice: ParcelNotice): Promise<void> => {
      model.moveParcel(notice);
      // A notice to a terminated saga is lost: the next run has to ask the carrier.
      await running?.signal(PARCEL_NOTICE_SIGNAL, notice).catch(ignoreNotFound);
    };
    const model: Model = createModel(order.id, {
      outcomes,
      around: async (name, _nth, when) => {
        if (kind === saga && moments++ === nth) {
          at = `${when} ${name}`;
          await running?.terminate('by a test');
        }
        if (when === 'before') return;
        if (name === 'bookCarrier' && model.world.parcel === 'BOOKED') await tell('DISPATCHED');
        if (name === 'shipInventory' && model.world.parcel === 'DISPATCHED') await tell('DELIVERED');
      },
    });
    models.set(order.id, model);

    const run = async (type: string, workflowId: string, args: [object]): Promise<OrderOutcome> => {
      for (;;) {
        running = await worker().client.workflow.start(type, {
          workflowId,
          taskQueue: worker().taskQueue,
          args,
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        });
        try {
          return (await running.result()) as OrderOutcome;
        } catch (error) {
          if (!(error instanceof WorkflowFailedError && error.cause instanceof TerminatedFailure))
            throw error;
        }
      }
    };
    const { id, provenance } = order;
    const ofOrder = await run('orderSaga', orderWorkflowId(id), [{ order, settings }]);
    let last = ofOrder;
    if (ofOrder.status === 'COMPLETED') {
      kind = 'shipment';
      last = await run('shipmentSaga', shipmentWorkflowId(id), [{ order: { id, provenance }, settings }]);
    }
    await model.settle();
    const told = `terminated ${at ?? 'never'}: ${model.calls.join(' ')}`;
    const played = { model, order: ofOrder, letsParcelGo: false };
    assert.deepEqual(violations(last === ofOrder ? played : { ...played, shipment: last }), [], told);
    const { status, cancelReason } = model.order();
    return { at, ended: cancelReason === null ? status : `${status} ${cancelReason}` };
  }
});

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof WorkflowNotFoundError)) throw error;
}
