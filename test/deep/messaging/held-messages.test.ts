import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { AckPolicy, nanos } from 'nats';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { consume } from '../../../messaging/consumer.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';

/** Well below the 30 s that messages of a dead process once waited for, and twice what they wait now. */
const AGAIN_WITHIN_MS = 12_000;
/** Longer than the server waits for an acknowledgement. */
const LONG_HANDLING_MS = 7_000;

describe('what a durable consumer holds', function () {
  this.timeout(60_000);
  let messaging: Messaging;
  let topology: Topology;
  const stop = new AbortController();

  before(async () => {
    messaging = await testMessaging();
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
  });
  after(async () => {
    stop.abort();
    await (await messaging.require().jetstreamManager()).streams.delete(topology.stream);
    await messaging.close();
  });

  const publish = (body: string): Promise<unknown> =>
    publishInOrder(messaging.require(), [
      {
        id: newId(),
        subject: topology.subjectOf({ aggregateType: 'order', aggregateId: newId(), type: 'OrderCreated' }),
        body,
        headers: {},
      },
    ]);

  it('goes to another process soon after its own has died, and to no other while it is still handled', async () => {
    const connection = messaging.require();
    const manager = await connection.jetstreamManager();
    // The consumer of an earlier release, whose process died with a message in its hands.
    await manager.consumers.add(topology.stream, {
      durable_name: topology.orderSagaStarter,
      filter_subject: topology.ordersOfType('OrderCreated'),
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(30_000),
      max_deliver: -1,
      max_ack_pending: 10_000,
    });
    const handled: string[] = [];
    let finished = 0;
    const running = consume(
      {
        messaging,
        topology,
        durable: topology.orderSagaStarter,
        filter: topology.ordersOfType('OrderCreated'),
        concurrency: 4,
        handle: async (message) => {
          handled.push(message.string());
          await pause(LONG_HANDLING_MS);
          finished++;
        },
        onFailure: () => undefined,
      },
      stop.signal,
    );
    await publish('"long"');
    await eventually(() => Promise.resolve(finished > 0 || undefined), {
      what: 'the first is handled',
    });

    stop.abort();
    await running;
    assert.deepEqual(handled, ['"long"']);
    const consumer = await connection.jetstream().consumers.get(topology.stream, topology.orderSagaStarter);
    await publish('"held"');
    assert.ok(await consumer.next({ expires: 5_000 }), 'a process takes it, and dies');
    const again = await eventually(async () => (await consumer.next({ expires: 1_000 })) ?? undefined, {
      what: 'another gets it',
      withinMs: AGAIN_WITHIN_MS,
    });
    assert.equal(again.string(), '"held"');
    assert.ok(await again.ackAck());
    assert.equal((await consumer.info()).num_ack_pending, 0, 'the long one was acknowledged');
  });
});
