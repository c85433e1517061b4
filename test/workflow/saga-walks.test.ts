import assert from 'node:assert/strict';
import { join } from 'node:path';
import { WorkflowExecutionAlreadyStartedError, type WorkflowHandle } from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { diagramOf, stepTableOf } from '../../dev/saga-docs.ts';
import type { OrderOutcome, OrderSagaInput } from '../../domain/order-saga.ts';
import { PROGRESS_QUERY, type SagaProgress } from '../../domain/saga-requests.ts';
import { PARCEL_NOTICE_SIGNAL } from '../../domain/shipment-saga.ts';
import { orderWorkflowId } from '../../domain/topology.ts';
import { placedOrder, sagaSettings } from '../support/builders.ts';
import { createFakeSteps, routedByOrder, type FakeSteps } from '../support/fake-steps.ts';
import { createWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-env.ts';
import { sampleSteps } from './walks/add-a-saga.ts';
import { expressSteps } from './walks/add-a-step.ts';

type Walk = (input: OrderSagaInput) => Promise<OrderOutcome>;

describe('the walks of docs/sagas.md', function () {
  this.timeout(180_000);
  const fakes = new Map<string, FakeSteps>();
  let environment: WorkflowEnvironment;

  before(async function () {
    this.timeout(300_000);
    environment = await createWorkflowEnvironment(routedByOrder(fakes), () =>
      bundleWorkflowCode({
        workflowsPath: join(import.meta.dirname, 'walks/index.ts'),
        logger: new DefaultLogger('ERROR'),
      }),
    );
  });
  after(() => environment.close());

  const start = (name: 'expressSaga' | 'sampleSaga', fake: FakeSteps): Promise<WorkflowHandle<Walk>> => {
    const order = placedOrder();
    fakes.set(order.id, fake);
    return environment.client.workflow.start<Walk>(name, {
      workflowId: orderWorkflowId(order.id),
      taskQueue: environment.taskQueue,
      args: [{ order, settings: sagaSettings() }],
    });
  };

  describe('an added step', () => {
    it('runs at its place, and is told in the progress', async () => {
      const fake = createFakeSteps();
      const saga = await start('expressSaga', fake);
      assert.deepEqual(await saga.result(), { status: 'COMPLETED' });
      assert.deepEqual(fake.calls, ['reserveInventory', 'bookCarrier', 'chargePayment', 'completeOrder']);
      const { done } = await saga.query<SagaProgress>(PROGRESS_QUERY);
      assert.deepEqual(
        done.map(({ name }) => name),
        ['reserve inventory', 'book courier', 'charge payment', 'complete order'],
      );
    });

    it('is in the diagram and in the table of the page', () => {
      assert.match(diagramOf(expressSteps), /reserve -->\|RESERVED\| book\n/);
      assert.match(stepTableOf(expressSteps), /\| book courier \|/);
    });

    it('that is refused is undone itself, and then what came before it', async () => {
      const fake = createFakeSteps({ faults: { bookCarrier: { code: 'BOOKING_REFUSED', times: 1 } } });
      const saga = await start('expressSaga', fake);
      assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'BOOKING_REFUSED' });
      assert.deepEqual(fake.done, ['reserveInventory', 'cancelBooking', 'releaseInventory', 'cancelOrder']);
    });

    it('is undone between its neighbours when a later step is refused', async () => {
      const fake = createFakeSteps({ faults: { chargePayment: { code: 'PAYMENT_DECLINED', times: 1 } } });
      const saga = await start('expressSaga', fake);
      assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'PAYMENT_DECLINED' });
      assert.deepEqual(fake.done.slice(-4), [
        'refundPayment',
        'cancelBooking',
        'releaseInventory',
        'cancelOrder',
      ]);
    });
  });

  for (const [name, past] of [
    ['expressSaga', 'COMPLETED'],
    ['sampleSaga', 'SHIPPED'],
  ] as const)
    it(`${name} undoes nothing once the order's row says ${past}: only the answer got lost`, async () => {
      const fake = createFakeSteps({
        orderStatus: past,
        faults: { bookCarrier: { code: 'BOOKING_REFUSED', times: 1 } },
      });
      const saga = await start(name, fake);
      assert.deepEqual(await saga.result(), { status: past });
      assert.deepEqual(fake.done, ['reserveInventory']);
    });

  describe('an added saga', () => {
    const undone = ['cancelBooking', 'releaseInventory', 'cancelOrder'];

    it('runs to its end', async () => {
      const fake = createFakeSteps();
      const saga = await start('sampleSaga', fake);
      await saga.signal(PARCEL_NOTICE_SIGNAL, 'DISPATCHED');
      assert.deepEqual(await saga.result(), { status: 'SHIPPED' });
      assert.deepEqual(fake.calls, ['reserveInventory', 'bookCarrier', 'shipInventory']);
    });

    it('is begun once per order', async () => {
      const saga = await start('sampleSaga', createFakeSteps());
      const { taskQueue } = environment;
      const again = environment.client.workflow.start('sampleSaga', {
        workflowId: saga.workflowId,
        taskQueue,
      });
      await assert.rejects(again, WorkflowExecutionAlreadyStartedError);
      await saga.signal(PARCEL_NOTICE_SIGNAL, 'DISPATCHED');
      await saga.result();
    });

    it('has a diagram with its way back', () => {
      assert.match(
        diagramOf(sampleSteps),
        /dispatch -\. fails, or is cancelled \.-> undo_beginUndo_cancelBooking_releaseInventory/,
      );
    });

    it('undoes in reverse when its deadline is over', async () => {
      const fake = createFakeSteps();
      const saga = await start('sampleSaga', fake);
      assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'DISPATCH_OVERDUE' });
      assert.deepEqual(fake.calls, ['reserveInventory', 'bookCarrier', ...undone]);
    });

    it('undoes in reverse when it is cancelled while it waits', async () => {
      const fake = createFakeSteps();
      const saga = await start('sampleSaga', fake);
      await environment.sleep(60_000);
      await saga.cancel();
      assert.deepEqual(await saga.result(), { status: 'CANCELLED', reason: 'CANCEL_REQUESTED' });
      assert.deepEqual(fake.calls, ['reserveInventory', 'bookCarrier', ...undone]);
    });
  });
});
