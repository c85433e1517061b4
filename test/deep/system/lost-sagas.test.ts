import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import type { OrderSagaInput } from '../../../domain/order-saga.ts';
import { orderWorkflowId, SAGA_WATCH_SCHEDULE_ID, shipmentWorkflowId } from '../../../domain/topology.ts';
import { closeSaga } from '../../support/closed-sagas.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson, post, putJson } from '../../support/http.ts';
import {
  catalogue,
  goodOrder,
  metricOf,
  placeBooked,
  placeWaiting,
  runOf,
  untilOrder,
} from '../../support/lost-sagas.ts';
import { assertBalanced, place } from '../../support/orders.ts';
import { listProducts } from '../../support/products.ts';
import { startSystem, type System } from '../../support/system.ts';

describe('orders that have lost their saga', function () {
  this.timeout(180_000);
  let system: System;
  let connection: Connection;
  let client: Client;

  before(async function () {
    this.timeout(600_000);
    system = await startSystem({
      env: {
        SAGA_WATCH_INTERVAL_MS: '1000',
        SAGA_ORPHAN_AFTER_MS: '500',
        CARRIER_DISPATCH_MS: '2000',
        CARRIER_DELIVERY_MS: '100',
      },
    });
    connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    client = new Client({ connection, namespace: system.namespace });
    await listProducts(system.db, catalogue);
    await watch().pause('so that orders stay without their saga');
  });
  after(async () => {
    await connection.close();
    await system.close();
  });

  const watch = () => client.schedule.getHandle(SAGA_WATCH_SCHEDULE_ID);
  const terminate = (workflowId: string): Promise<void> => closeSaga(client, workflowId, 'TERMINATED');
  const turn = async (dials: object): Promise<void> => {
    assert.equal((await putJson(`${system.urls.worker}/dev/faults`, dials)).status, 200);
  };
  const approve = (id: string): Promise<Response> =>
    post(`${system.urls['command-api']}/orders/${id}/approval`, { decision: 'approve', reason: 'known' });
  const parcelIs = (id: string, state: string): Promise<unknown> =>
    eventually(
      () =>
        system
          .db('shipping.bookings')
          .where({ booking_key: shipmentWorkflowId(id), state })
          .first()
          .then((row: unknown) => row),
      { what: `the parcel of ${id} is ${state}` },
    );
  const restartedBefore = (saga: string, reason: string): Promise<number | undefined> =>
    metricOf(system.urls.worker, 'sagas_restarted_total', `saga="${saga}"`, `reason="${reason}"`);

  describe('of many kinds, beside orders that have theirs', () => {
    /** By how they lose it, or what they were at. */
    const lost = {
      TERMINATED: '',
      TIMED_OUT: '',
      FAILED: '',
      COMPLETED: '',
      reserving: '',
      charging: '',
      arrivedMeanwhile: '',
      onItsWay: '',
    };
    const runsBefore = new Map<string, string>();
    let untouched: readonly string[];
    let correlation: string;

    before('lose them while the watch is paused', async () => {
      for (const closing of ['TERMINATED', 'TIMED_OUT', 'FAILED', 'COMPLETED'] as const) {
        const id = await placeWaiting(system);
        if (closing === 'TERMINATED') {
          const { input } = await inputOf(orderWorkflowId(id));
          correlation = input.order.provenance.correlationId;
        }
        await closeSaga(client, orderWorkflowId(id), closing);
        lost[closing] = id;
      }

      await turn({ inventoryLatencyMs: 3_000 });
      lost.reserving = await place(system, goodOrder);
      await eventually(() => runOf(client, orderWorkflowId(lost.reserving)), { what: 'its saga has begun' });
      await terminate(orderWorkflowId(lost.reserving));
      await turn({ inventoryLatencyMs: 0 });

      lost.charging = await place(system, { ...goodOrder, paymentMethod: 'pm_timeout_after' });
      await untilOrder(system, lost.charging, 'is reserved', ({ status }) => status === 'RESERVED');
      await terminate(orderWorkflowId(lost.charging));

      lost.arrivedMeanwhile = await placeBooked(system);
      await terminate(shipmentWorkflowId(lost.arrivedMeanwhile));
      await parcelIs(lost.arrivedMeanwhile, 'DELIVERED');

      await turn({ carrierDispatchMs: 100, carrierDeliveryMs: 6_000 });
      lost.onItsWay = await place(system, goodOrder);
      await untilOrder(system, lost.onItsWay, 'is shipped', ({ status }) => status === 'SHIPPED');
      await terminate(shipmentWorkflowId(lost.onItsWay));
      const delivered = await place(system, goodOrder);
      await untilOrder(system, delivered, 'is delivered', ({ status }) => status === 'DELIVERED');

      await turn({ carrierDispatchMs: 3_600_000, carrierDeliveryMs: 100 });
      const [waiting, booked] = [await placeWaiting(system), await placeBooked(system)];
      untouched = [
        orderWorkflowId(waiting),
        shipmentWorkflowId(booked),
        orderWorkflowId(booked),
        orderWorkflowId(delivered),
        shipmentWorkflowId(delivered),
      ];
      for (const workflowId of untouched) runsBefore.set(workflowId, await runOf(client, workflowId));
      await turn({ carrierDispatchMs: 100 });
    });

    const inputOf = async (workflowId: string): Promise<{ input: OrderSagaInput }> => {
      const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
      const [payload] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
      return { input: JSON.parse(new TextDecoder().decode(payload?.data ?? undefined)) as OrderSagaInput };
    };

    it('stay as they are while the schedule is paused', async () => {
      const { schedule } = await watch()
        .describe()
        .then((described) => ({ schedule: described.state }));
      assert.equal(schedule.paused, true);
      assert.equal(
        (await client.workflow.getHandle(orderWorkflowId(lost.charging)).describe()).status.name,
        'TERMINATED',
      );
    });

    it('get them back within a search, each once and under the trace of their order', async () => {
      await watch().unpause();
      const workflowIds = Object.entries(lost).map(([kind, id]) =>
        kind === 'arrivedMeanwhile' || kind === 'onItsWay' ? shipmentWorkflowId(id) : orderWorkflowId(id),
      );
      await eventually(
        async () => {
          const reasons = ['TERMINATED', 'TIMED_OUT', 'FAILED', 'COMPLETED'];
          const counts = await Promise.all(reasons.map((reason) => restartedBefore('order', reason)));
          return counts.join() === '3,1,1,1' && (await restartedBefore('shipment', 'TERMINATED')) === 2
            ? true
            : undefined;
        },
        { what: 'all are started again, and are counted', withinMs: 60_000 },
      );
      for (const workflowId of workflowIds) {
        const { status } = await client.workflow.getHandle(workflowId).describe();
        assert.ok(
          status.name === 'RUNNING' || status.name === 'COMPLETED',
          `${workflowId} is ${status.name}`,
        );
      }
      const { input } = await inputOf(orderWorkflowId(lost.TERMINATED));
      assert.equal(input.order.provenance.correlationId, correlation);
      const told = (await system.logOf('worker')).filter(({ msg }) =>
        msg.startsWith('an order had lost its saga'),
      );
      assert.deepEqual(told.map(({ orderId }) => orderId).sort(), Object.values(lost).sort());
      assert.ok(told.every(({ traceId }) => /^[0-9a-f]{32}$/.test(traceId ?? '')));
    });

    it('end as if nothing had happened, with money and stock right', async () => {
      for (const closing of ['TERMINATED', 'TIMED_OUT', 'FAILED', 'COMPLETED'] as const)
        await eventually(async () => ((await approve(lost[closing])).status === 202 ? true : undefined), {
          what: `${closing} takes its approval`,
        });
      await turn({ carrierDispatchMs: 100, carrierDeliveryMs: 100 });
      for (const [kind, id] of Object.entries(lost))
        await untilOrder(system, id, `(${kind}) is delivered`, ({ status }) => status === 'DELIVERED');
      await assertBalanced(system.db);
    });

    it('leave the sagas of others alone, running and ended ones', async () => {
      for (const workflowId of untouched)
        assert.equal(await runOf(client, workflowId), runsBefore.get(workflowId), workflowId);
    });

    it('are gone from the metric with the next search', async () => {
      await eventually(
        async () => ((await metricOf(system.urls.worker, 'sagas_orphaned')) === 0 ? true : undefined),
        { what: 'no order is without a saga' },
      );
      const at = await metricOf(system.urls.worker, 'saga_watch_last_success_timestamp_seconds');
      assert.ok(at! * 1_000 > Date.now() - 60_000);
    });
  });

  describe('and are asked for something', () => {
    before(() => watch().pause('so that requests meet orders without a saga'));
    after(() => watch().unpause());

    const cancel = (id: string): Promise<Response> =>
      post(`${system.urls['command-api']}/orders/${id}/cancel`, { reason: 'too late' });

    for (const closing of ['TERMINATED', 'COMPLETED'] as const)
      it(`a cancellation starts a saga again that was ${closing} at its order's approval, and the order is cancelled`, async () => {
        const id = await placeWaiting(system);
        await closeSaga(client, orderWorkflowId(id), closing);
        const answer = await cancel(id);
        assert.equal(answer.status, 202, await answer.text());
        const { cancelReason } = await untilOrder(system, id, 'ends', ({ status }) => status === 'CANCELLED');
        assert.equal(cancelReason, 'CANCEL_REQUESTED');
      });

    it('a cancellation starts a terminated shipment saga again, and the money goes back', async () => {
      await turn({ carrierDispatchMs: 3_600_000 });
      const id = await placeBooked(system);
      await terminate(shipmentWorkflowId(id));
      const answer = await cancel(id);
      assert.equal(answer.status, 202, await answer.text());
      await untilOrder(system, id, 'is refunded', ({ status }) => status === 'REFUNDED');
    });

    it('an approval is answered with 503, and is taken when it is repeated', async () => {
      const id = await placeWaiting(system);
      await terminate(orderWorkflowId(id));
      const answer = await approve(id);
      const { detail } = (await answer.json()) as { detail: string };
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '2'], detail);
      assert.match(detail, /was lost and is being started again; repeat/);
      await eventually(async () => ((await approve(id)).status === 202 ? true : undefined), {
        what: 'the approval is taken',
      });
      await untilOrder(system, id, 'is completed', ({ status }) => status === 'COMPLETED');
    });

    it('an operator starts it again, which the audit log shows; a second time it is refused', async () => {
      const id = await placeWaiting(system);
      const workflowId = orderWorkflowId(id);
      await terminate(workflowId);
      const restart = (ofWorkflow: string): Promise<Response> =>
        post(`${system.urls['command-api']}/operations/sagas/${ofWorkflow}/restart`, { reason: 'lost' });
      const answer = await restart(workflowId);
      assert.deepEqual(
        [answer.status, await answer.json()],
        [200, { workflowId, orderId: id, was: 'TERMINATED' }],
      );
      const refusals: readonly [string, number, RegExp][] = [
        [workflowId, 409, /is running/],
        [shipmentWorkflowId(id), 409, new RegExp(`is PENDING: the saga it needs is ${workflowId}`)],
        [orderWorkflowId('01890000-0000-7000-8000-000000000000'), 404, /there is no order/],
      ];
      for (const [ofWorkflow, status, text] of refusals) {
        const refused = await restart(ofWorkflow);
        const { detail } = (await refused.json()) as { detail: string };
        assert.equal(refused.status, status, detail);
        assert.match(detail, text);
      }
      const { items } = await getJson<{ items: { action: string; details: object }[] }>(
        `${system.urls['command-api']}/operations/audit?orderId=${id}`,
      );
      const restarts = items.filter(({ action }) => action === 'restartSaga').map(({ details }) => details);
      assert.equal(restarts.length, 6);
      assert.ok(restarts.some((details) => 'outcome' in details && details.outcome === 'ACCEPTED'));
      assert.ok(restarts.some((details) => 'reason' in details && details.reason === 'lost'));
    });
  });
});
