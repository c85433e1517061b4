import assert from 'node:assert/strict';
import type { Client } from '@temporalio/client';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { createLogger } from '../../../platform/logger.ts';
import { runSagaStarters } from '../../../worker/saga-starters.ts';
import { orderHistory, sagaSettings, stories } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';

describe('the saga starters', () => {
  let messaging: Messaging;
  let topology: Topology;
  const started: string[] = [];
  const unreadable: string[] = [];
  const stop = new AbortController();
  let running: Promise<void>;

  before(async () => {
    messaging = await testMessaging();
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
    const workflow = {
      start: (_type: string, { workflowId }: { workflowId: string }) => {
        started.push(workflowId);
        return Promise.resolve({ workflowId });
      },
    };
    running = runSagaStarters(
      {
        client: {
          workflow,
          options: { namespace: 'default' },
          withDeadline: <T>(_at: number, act: () => Promise<T>) => act(),
        } as unknown as Client,
        messaging,
        topology,
        sagaSettings: sagaSettings(),
        logger: createLogger('test', 'silent'),
        ahead: { isAhead: false, assertNotAhead: () => undefined },
        admission: { admitted: () => Promise.resolve(Infinity) },
        onUnreadable: (_type, { subject }) => unreadable.push(subject),
      },
      stop.signal,
    );
  });
  after(async () => {
    stop.abort();
    await running;
    await (await messaging.require().jetstreamManager()).streams.delete(topology.stream);
    await messaging.close();
  });

  it('take a message that cannot be read from the queue once, tell of it, and start the sagas of the others', async () => {
    const publish = (type: string, orderId: string, body: string): Promise<unknown> =>
      messaging
        .require()
        .jetstream()
        .publish(topology.subjectOf({ aggregateType: 'order', aggregateId: orderId, type }), body);
    const history = orderHistory(stories.completed);
    const [created, , , completed] = history;
    const orderId = created!.aggregateId;
    await publish('OrderCreated', newId(), 'this is not json');
    await publish('OrderCreated', newId(), JSON.stringify(created));
    await publish('OrderCreated', orderId, JSON.stringify({ ...created, schemaVersion: 99 }));
    await publish('OrderCompleted', orderId, JSON.stringify(created));
    await publish('OrderCreated', orderId, JSON.stringify(created));
    await publish('OrderCompleted', orderId, JSON.stringify(completed));
    const manager = await messaging.require().jetstreamManager();
    const open = await eventually(
      async () => {
        const of = await Promise.all(
          [topology.orderSagaStarter, topology.shipmentSagaStarter].map((name) =>
            manager.consumers.info(topology.stream, name),
          ),
        );
        const waiting = of.map((info) => info.num_pending + info.num_ack_pending);
        // The event of a newer version waits for a release that can read it.
        const isDone = waiting[0] === 1 && waiting[1] === 0;
        return isDone && started.length === 2 ? of : undefined;
      },
      { what: 'nothing waits to be delivered' },
    );
    assert.deepEqual(
      open.map(({ num_redelivered }) => num_redelivered),
      [0, 0],
    );
    assert.deepEqual([...started].sort(), [`order-${orderId}`, `shipment-${orderId}`]);
    assert.equal(unreadable.length, 4);
  });
});
