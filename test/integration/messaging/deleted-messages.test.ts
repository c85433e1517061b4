import assert from 'node:assert/strict';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { openHistory } from '../../../messaging/history.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { removeMessages } from '../../../messaging/remove-messages.ts';
import { ensureStream, streamState } from '../../../messaging/stream.ts';
import { asJson, orderHistory, stories } from '../../support/builders.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';

describe('a stream whose last messages were removed', function () {
  this.timeout(30_000);
  let messaging: Messaging;
  let topology: Topology;

  before(async () => {
    messaging = await testMessaging();
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
    const messages = orderHistory(stories.completed).map((event) => ({
      id: event.id,
      subject: topology.subjectOf(event),
      body: JSON.stringify(asJson(event)),
      headers: {},
    }));
    await publishInOrder(messaging.require(), messages);
    const remove = (): Promise<void> =>
      removeMessages(messaging.require(), topology, [3, 4], () => undefined);
    await remove();
    await remove(); // as after an interruption
  });
  after(() => messaging.close());

  it('keeps its last sequence', async () => {
    assert.equal((await streamState(messaging.require(), topology.stream))?.lastSequence, 4);
  });

  it('is read to its end', async () => {
    const read: number[] = [];
    for await (const page of await openHistory(messaging, topology))
      read.push(...page.map(({ streamSequence }) => streamSequence));
    assert.deepEqual(read, [1, 2]);
  });
});
