import assert from 'node:assert/strict';
import type { WorkflowHandle } from '@temporalio/client';
import { PARCEL_NOTICE_SIGNAL, type ParcelNotice, type ShipmentOutcome } from '../../domain/shipment-saga.ts';
import type { SagaSettings } from '../../domain/saga-settings.ts';
import { shipmentWorkflowId } from '../../domain/topology.ts';
import type { shipmentSaga } from '../../workflows/index.ts';
import { placedOrder, sagaSettings } from '../support/builders.ts';
import { createFakeSteps, routedByOrder, type FakeSteps, type StepName } from '../support/fake-steps.ts';
import { createWorkflowEnvironment, type WorkflowEnvironment } from '../support/workflow-env.ts';

const HOUR = 3_600_000;
const { deadlines } = sagaSettings();
const giveBack: StepName[] = ['failShipment', 'refundPayment', 'releaseInventory', 'refundOrder'];
const moneyOnly: StepName[] = ['failShipment', 'refundPayment', 'refundOrder'];

describe('shipment saga', function () {
  this.timeout(180_000);
  const fakes = new Map<string, FakeSteps>();
  let environment: WorkflowEnvironment;

  before(async function () {
    this.timeout(300_000);
    environment = await createWorkflowEnvironment(routedByOrder(fakes));
  });
  after(() => environment.close());

  type Saga = WorkflowHandle<typeof shipmentSaga>;
  const start = (fake: FakeSteps, settings: Partial<SagaSettings> = {}): Promise<Saga> => {
    const { id, provenance } = placedOrder();
    fakes.set(id, fake);
    return environment.client.workflow.start<typeof shipmentSaga>('shipmentSaga', {
      workflowId: shipmentWorkflowId(id),
      taskQueue: environment.taskQueue,
      args: [{ order: { id, provenance }, settings: sagaSettings({ undoAttempts: 1_000, ...settings }) }],
    });
  };
  const tell = (saga: Saga, notice: ParcelNotice): Promise<void> => saga.signal(PARCEL_NOTICE_SIGNAL, notice);

  /** Runs a saga to its end, with what the carrier tells hour by hour. */
  async function run(fake: FakeSteps, notices: readonly ParcelNotice[] = []): Promise<ShipmentOutcome> {
    const saga = await start(fake);
    for (const notice of notices) {
      await environment.sleep(HOUR);
      await tell(saga, notice);
    }
    return saga.result();
  }

  it('books, ships when the parcel has left, and delivers when it has arrived', async () => {
    const fake = createFakeSteps({ orderStatus: 'COMPLETED' });
    assert.deepEqual(await run(fake, ['DISPATCHED', 'DELIVERED']), { status: 'DELIVERED' });
    assert.deepEqual(fake.calls, ['bookCarrier', 'shipInventory', 'deliverOrder']);
  });

  it('news that come twice, or in the wrong order, change nothing', async () => {
    const fake = createFakeSteps({ orderStatus: 'COMPLETED' });
    const notices: ParcelNotice[] = ['DELIVERED', 'DISPATCHED', 'DISPATCHED', 'DELIVERED'];
    const saga = await start(fake);
    for (const notice of notices) await tell(saga, notice).catch(() => undefined); // it may have ended by then
    assert.deepEqual(await saga.result(), { status: 'DELIVERED' });
    assert.deepEqual(fake.calls, ['bookCarrier', 'shipInventory', 'deliverOrder']);
  });

  it('a carrier that refuses gives money and stock back', async () => {
    const fake = createFakeSteps({ faults: { bookCarrier: { code: 'BOOKING_REFUSED', times: Infinity } } });
    assert.deepEqual(await run(fake), { status: 'REFUNDED', reason: 'BOOKING_REFUSED' });
    assert.deepEqual(fake.calls, ['bookCarrier', 'cancelBooking', ...giveBack]);
    assert.deepEqual(fake.cancelled, ['BOOKING_REFUSED', 'the carrier does not take the parcel']);
  });

  it('a carrier that stays away is tried until the parcel should have left', async () => {
    const fake = createFakeSteps({
      faults: { bookCarrier: { code: 'CARRIER_UNAVAILABLE', times: Infinity } },
    });
    const saga = await start(fake, { deadlines: { ...deadlines, dispatchMs: HOUR / 2 } });
    assert.deepEqual(await saga.result(), { status: 'REFUNDED', reason: 'DISPATCH_OVERDUE' });
    assert.deepEqual(fake.done, ['cancelBooking', ...giveBack]);
  });

  describe('a booking without an answer', () => {
    const lost = { bookCarrier: { code: 'BOOKING_OUTCOME_UNKNOWN', times: 1 } } as const;

    it('that was taken goes on without booking again', async () => {
      const fake = createFakeSteps({ faults: lost, parcelStatus: ['BOOKED'] });
      assert.deepEqual(await run(fake, ['DISPATCHED', 'DELIVERED']), { status: 'DELIVERED' });
      assert.deepEqual(fake.calls, ['bookCarrier', 'locateParcel', 'shipInventory', 'deliverOrder']);
    });

    it('that never arrived is tried again', async () => {
      const fake = createFakeSteps({ faults: lost, parcelStatus: ['NOT_FOUND'] });
      assert.deepEqual(await run(fake, ['DISPATCHED', 'DELIVERED']), { status: 'DELIVERED' });
      assert.deepEqual(fake.done, ['locateParcel', 'bookCarrier', 'shipInventory', 'deliverOrder']);
    });

    it('that the carrier refused is undone', async () => {
      const fake = createFakeSteps({ faults: lost, parcelStatus: ['REFUSED'] });
      assert.deepEqual(await run(fake), { status: 'REFUNDED', reason: 'BOOKING_REFUSED' });
    });

    it('is asked for as long as the carrier is down', async () => {
      const fake = createFakeSteps({
        faults: { ...lost, locateParcel: { code: 'CARRIER_UNAVAILABLE', times: 50 } },
        parcelStatus: ['DISPATCHED'],
      });
      const saga = await start(fake);
      await tell(saga, 'DELIVERED');
      assert.deepEqual(await saga.result(), { status: 'DELIVERED' });
      assert.equal(fake.calls.filter((name) => name === 'bookCarrier').length, 1);
      const { startTime, closeTime } = await saga.describe();
      assert.ok(Number(closeTime) - Number(startTime) > HOUR, 'the carrier was down for more than an hour');
    });
  });

  describe('a parcel that does not leave in time', () => {
    it('is called back, and money and stock go back', async () => {
      const fake = createFakeSteps();
      const saga = await start(fake);
      assert.deepEqual(await saga.result(), { status: 'REFUNDED', reason: 'DISPATCH_OVERDUE' });
      assert.deepEqual(fake.calls, ['bookCarrier', 'cancelBooking', ...giveBack]);
      const { startTime, closeTime } = await saga.describe();
      assert.ok(Number(closeTime) - Number(startTime) >= deadlines.dispatchMs);
    });

    it('but left in the last moment is waited for: nothing is released that is on its way', async () => {
      const fake = createFakeSteps({ cancellable: false, parcelStatus: ['DELIVERED'] });
      assert.deepEqual(await run(fake), { status: 'DELIVERED' });
      assert.deepEqual(fake.calls, [
        'bookCarrier',
        'cancelBooking',
        'shipInventory',
        'locateParcel',
        'deliverOrder',
      ]);
    });
  });

  describe('a parcel that has left', () => {
    it('and is lost gives the money back, and no stock', async () => {
      const fake = createFakeSteps();
      assert.deepEqual(await run(fake, ['DISPATCHED', 'LOST']), {
        status: 'REFUNDED',
        reason: 'PARCEL_LOST',
      });
      assert.deepEqual(fake.calls, ['bookCarrier', 'shipInventory', ...moneyOnly]);
    });

    it('and does not arrive in time gives the money back, after the carrier was asked', async () => {
      const fake = createFakeSteps({ parcelStatus: ['DISPATCHED'] });
      assert.deepEqual(await run(fake, ['DISPATCHED']), { status: 'REFUNDED', reason: 'DELIVERY_OVERDUE' });
      assert.deepEqual(fake.calls, ['bookCarrier', 'shipInventory', 'locateParcel', ...moneyOnly]);
    });

    it('and arrived, but nobody told, is delivered', async () => {
      const fake = createFakeSteps({ parcelStatus: ['DELIVERED'] });
      assert.deepEqual(await run(fake, ['DISPATCHED']), { status: 'DELIVERED' });
    });
  });

  it('undoing goes on until it is done, however long the provider is away', async () => {
    const fake = createFakeSteps({
      faults: {
        bookCarrier: { code: 'BOOKING_REFUSED', times: Infinity },
        refundPayment: { code: 'PAYMENT_UNAVAILABLE', times: 50 },
      },
    });
    assert.deepEqual(await run(fake), { status: 'REFUNDED', reason: 'BOOKING_REFUSED' });
    assert.deepEqual(fake.done, ['cancelBooking', ...giveBack]);
  });

  it('a saga that is cancelled before the parcel has left takes the booking back and undoes', async () => {
    const fake = createFakeSteps();
    const saga = await start(fake);
    await environment.sleep(HOUR);
    await saga.cancel();
    assert.deepEqual(await saga.result(), { status: 'REFUNDED', reason: 'CANCEL_REQUESTED' });
    assert.deepEqual(fake.done, ['bookCarrier', 'cancelBooking', ...giveBack]);
  });

  it('a saga that is cancelled after the parcel has left goes on to the delivery', async () => {
    const fake = createFakeSteps();
    const saga = await start(fake);
    await tell(saga, 'DISPATCHED');
    await environment.sleep(HOUR);
    await saga.cancel();
    await environment.sleep(HOUR);
    await tell(saga, 'DELIVERED');
    assert.deepEqual(await saga.result(), { status: 'DELIVERED' });
    assert.deepEqual(fake.done, ['bookCarrier', 'shipInventory', 'deliverOrder']);
  });

  it('a saga whose order ended before does nothing', async () => {
    const fake = createFakeSteps({ orderStatus: 'REFUNDED' });
    assert.deepEqual(await run(fake), { status: 'REFUNDED' });
    assert.deepEqual(fake.calls, []);
  });
});
