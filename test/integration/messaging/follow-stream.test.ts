import assert from 'node:assert/strict';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { createStreamFollower, type StreamFollower } from '../../../messaging/follow-stream.ts';
import type { StreamMessage } from '../../../messaging/stream-reader.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';

describe('following a stream', () => {
  let messaging: Messaging;
  let topology: Topology;
  let follower: StreamFollower;
  const following: AbortController[] = [];

  before(async () => {
    messaging = await testMessaging();
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
    follower = createStreamFollower({ messaging, topology, onFailure: () => undefined });
  });
  after(async () => {
    for (const one of following) one.abort();
    await follower.close();
    await (await messaging.require().jetstreamManager()).streams.delete(topology.stream);
    await messaging.close();
  });

  const publish = (type: string): Promise<unknown> =>
    messaging
      .require()
      .jetstream()
      .publish(topology.subjectOf({ aggregateType: 'order', aggregateId: 'a', type }), '{}');
  async function read(messages: AsyncIterable<StreamMessage>, count: number): Promise<number[]> {
    const sequences: number[] = [];
    for await (const { streamSequence } of messages) {
      sequences.push(streamSequence);
      if (sequences.length === count) break;
    }
    return sequences;
  }
  function follow(after: number, subjects?: readonly string[]): ReturnType<StreamFollower['follow']> {
    const over = new AbortController();
    following.push(over);
    return follower.follow({ after: () => after, signal: over.signal, ...(subjects ? { subjects } : {}) });
  }

  it('gives once what is heard and is found in the past as well', async () => {
    await publish('OrderCreated');
    const [late, other] = [await follow(0), await follow(1)];
    // Both listen; what comes now has come to both when one has it. The past of the other is read after that.
    await publish('InventoryReserved');
    await publish('PaymentCharged');
    assert.deepEqual(await read(other.messages, 2), [2, 3]);
    const sequences: number[] = [];
    for await (const { streamSequence } of late.messages) {
      sequences.push(streamSequence);
      if (streamSequence === 3) await publish('OrderCompleted'); // the past has been read
      if (sequences.length === 4) break;
    }
    assert.deepEqual(sequences, [1, 2, 3, 4]);
  });

  it('needs one consumer, however many wait', async () => {
    const waiting = await Promise.all(Array.from({ length: 20 }, () => follow(4)));
    const reading = waiting.map(({ messages }) => read(messages, 1));
    await publish('ShipmentBooked');
    assert.deepEqual(
      await Promise.all(reading),
      waiting.map(() => [5]),
    );
    const again = (await Promise.all(Array.from({ length: 20 }, () => follow(5)))).map(({ messages }) =>
      read(messages, 1),
    );
    const manager = await messaging.require().jetstreamManager();
    const { state } = await manager.streams.info(topology.stream);
    assert.ok(state.consumer_count <= 1, `${state.consumer_count} consumers`);
    await publish('ShipmentDispatched');
    await Promise.all(again);
  });

  it('finds nothing where no message has the subject, and hears it when it comes', async () => {
    const { messages } = await follow(0, topology.eventsOfType('ShipmentDelivered'));
    const reading = read(messages, 1);
    await publish('ShipmentFailed');
    await publish('ShipmentDelivered');
    assert.deepEqual(await reading, [8]);
  });
});
