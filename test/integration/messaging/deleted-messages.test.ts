import assert from 'node:assert/strict';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { openHistory } from '../../../messaging/history.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { removeMessages } from '../../../messaging/remove-messages.ts';
import { openStreamReader } from '../../../messaging/stream-reader.ts';
import { scanStream } from '../../../messaging/stream-scan.ts';
import { ensureStream, streamState } from '../../../messaging/stream.ts';
import { asJson, orderHistory, stories } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { withNats } from '../../support/stream.ts';

describe('a stream of which messages are gone', function () {
  this.timeout(60_000);
  let messaging: Messaging;
  let topology: Topology;

  before(async () => {
    messaging = await testMessaging();
  });
  after(() => messaging.close());
  beforeEach(async () => {
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
    await publish(4);
  });

  const publish = (count: number): Promise<unknown> =>
    publishInOrder(
      messaging.require(),
      orderHistory(stories.completed.slice(0, count)).map((event) => ({
        id: event.id,
        subject: topology.subjectOf(event),
        body: JSON.stringify(asJson(event)),
        headers: {},
      })),
    );
  const remove = (...sequences: number[]): Promise<void> =>
    removeMessages(messaging.require(), topology, sequences, () => undefined);
  const consumers = (): Promise<number> =>
    withNats(async (connection) => {
      const manager = await connection.jetstreamManager();
      return (await manager.streams.info(topology.stream)).state.consumer_count;
    });
  async function exported(): Promise<number[]> {
    const read: number[] = [];
    for await (const page of await openHistory(messaging, topology))
      read.push(...page.map(({ streamSequence }) => streamSequence));
    return read;
  }

  const ways: Readonly<Record<string, { empty: () => Promise<unknown>; left: readonly number[] }>> = {
    'whose last messages were removed': { empty: () => remove(3, 4), left: [1, 2] },
    'of which one in the middle was removed, twice': {
      empty: () => remove(2).then(() => remove(2)),
      left: [1, 3, 4],
    },
    'that was purged': {
      empty: () =>
        withNats(async (connection) => (await connection.jetstreamManager()).streams.purge(topology.stream)),
      left: [],
    },
    'whose messages have all expired': {
      empty: () =>
        withNats(async (connection) => {
          const manager = await connection.jetstreamManager();
          await manager.streams.update(topology.stream, {
            max_age: 100_000_000,
            duplicate_window: 100_000_000,
          });
          await eventually(
            async () =>
              (await manager.streams.info(topology.stream)).state.messages === 0 ? true : undefined,
            { what: 'all messages have expired' },
          );
        }),
      left: [],
    },
  };
  for (const [name, { empty, left }] of Object.entries(ways)) {
    it(`is read to its end by whoever reads it once: one ${name}`, async () => {
      await empty();
      assert.equal((await streamState(messaging.require(), topology.stream))?.lastSequence, 4);
      assert.deepEqual(await exported(), left);
    });

    it(`is followed to its last sequence, with one consumer at a time: one ${name}`, async () => {
      const options = { stream: topology.stream, after: 0, created: null, pageSize: 10 };
      const reader = await openStreamReader(messaging.require(), options);
      await empty();
      const read: number[] = [];
      for (let at = 0; at < 4;) {
        const { messages, reached } = await reader.next();
        read.push(...messages.map(({ streamSequence }) => streamSequence));
        at = reached;
        assert.ok((await consumers()) <= 1);
      }
      assert.deepEqual(read, left);
      const next = reader.next();
      await publish(1);
      assert.deepEqual(
        (await next).messages.map(({ streamSequence }) => streamSequence),
        [5],
      );
      await reader.close();
      assert.equal(await consumers(), 0);
    });
  }

  it('is read to its end also when messages are removed while it is read', async () => {
    const scan = scanStream(messaging.require(), { stream: topology.stream, after: 0, pageSize: 1 });
    const first = await scan.next();
    await remove(2, 4);
    const rest: number[] = [];
    for await (const page of scan) rest.push(...page.map(({ streamSequence }) => streamSequence));
    assert.deepEqual([first.done, rest], [false, [3]]);
  });

  it('is not read on when it was replaced meanwhile', async () => {
    const { created } = await ensureStream(messaging.require(), topology);
    await withNats(async (connection) => {
      const manager = await connection.jetstreamManager();
      await manager.streams.delete(topology.stream);
      await ensureStream(connection, topology);
    });
    const place = { stream: topology.stream, created, after: 0, upTo: 4, pageSize: 10 };
    await assert.rejects(scanStream(messaging.require(), place).next(), { name: 'StreamReplacedError' });
  });
});
