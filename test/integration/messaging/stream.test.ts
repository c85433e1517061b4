import assert from 'node:assert/strict';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { consume } from '../../../messaging/consumer.ts';
import { publishInOrder, stageInOrder, type OutgoingMessage } from '../../../messaging/publish.ts';
import { openStreamReader, StreamReplacedError } from '../../../messaging/stream-reader.ts';
import { ensureStream, streamState } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { readStream } from '../../support/stream.ts';

describe('event stream', () => {
  let messaging: Messaging;
  let topology: Topology;

  before(async () => {
    messaging = await testMessaging();
  });
  after(() => messaging.close());
  beforeEach(async () => {
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
  });
  afterEach(async () => {
    const manager = await messaging.require().jetstreamManager();
    await manager.streams.delete(topology.stream);
  });

  const messages = (count: number): OutgoingMessage[] =>
    Array.from({ length: count }, (_, index) => {
      const subject = topology.subjectOf({
        aggregateType: 'order',
        aggregateId: newId(),
        type: 'OrderCreated',
      });
      return { id: newId(), subject, body: JSON.stringify({ index }), headers: {} };
    });
  const bodies = async (): Promise<string[]> =>
    (await readStream(messaging.require(), topology)).map(({ data }) => new TextDecoder().decode(data));
  const bodiesOf = (sent: readonly OutgoingMessage[]): string[] => sent.map(({ body }) => body);

  it('stores on disk, and keeps what it has when it is asked for again', async () => {
    const manager = await messaging.require().jetstreamManager();
    await publishInOrder(messaging.require(), messages(3));
    const before = await streamState(messaging.require(), topology.stream);
    assert.deepEqual(await ensureStream(messaging.require(), topology), before);
    const { config } = await manager.streams.info(topology.stream);
    assert.equal(config.storage, 'file');
    assert.equal(before?.lastSequence, 3);
  });

  describe('publishing a page', () => {
    it('stores it in order, as one batch', async () => {
      const page = messages(1_000);
      const stored = await publishInOrder(messaging.require(), page);
      assert.deepEqual(stored, { firstNew: 1, lastSequence: 1_000, as: 'batch' });
      assert.deepEqual(await bodies(), bodiesOf(page));
    });

    it('of a few stores them in order, one by one', async () => {
      const page = messages(3);
      const stored = await publishInOrder(messaging.require(), page);
      assert.deepEqual(stored, { firstNew: 1, lastSequence: 3, as: 'few' });
      assert.deepEqual(await bodies(), bodiesOf(page));
    });

    it('that was published before stores nothing again', async () => {
      for (const [as, count] of [
        ['few', 2],
        ['repeats', 10],
      ] as const) {
        const page = messages(count);
        const { lastSequence } = await publishInOrder(messaging.require(), page);
        assert.deepEqual(await publishInOrder(messaging.require(), page), { lastSequence, as });
        assert.deepEqual((await bodies()).slice(-count), bodiesOf(page));
      }
      assert.equal((await bodies()).length, 12);
    });

    it('of which a part was published before stores the rest, in order', async () => {
      const page = messages(9);
      await publishInOrder(messaging.require(), page.slice(0, 7));
      const stored = await publishInOrder(messaging.require(), page);
      assert.deepEqual(stored, { firstNew: 8, lastSequence: 9, as: 'repeats' });
      assert.deepEqual(await bodies(), bodiesOf(page));
    });

    it('that was staged before its turn stores nothing until then, and nothing at all when it never comes', async () => {
      const [first, second, third] = [messages(10), messages(20), messages(10)];
      const connection = messaging.require();
      const [, publishSecond, publishFirst] = [third, second, first].map((page) =>
        stageInOrder(connection, page),
      );
      await connection.flush();
      assert.equal((await streamState(connection, topology.stream))?.lastSequence, 0);
      assert.deepEqual(await publishFirst?.(), { firstNew: 1, lastSequence: 10, as: 'batch' });
      assert.deepEqual(await publishSecond?.(), { firstNew: 11, lastSequence: 30, as: 'batch' });
      assert.deepEqual(await bodies(), bodiesOf([...first, ...second]));
    });

    it('is refused whole with JetStream’s own words when the batch is too long', async () => {
      await assert.rejects(publishInOrder(messaging.require(), messages(1_001)), { errCode: 10_199 });
      assert.deepEqual(await bodies(), []);
    });
  });

  describe('reading from a position', () => {
    it('goes on behind it, page by page', async () => {
      const sent = messages(10);
      await publishInOrder(messaging.require(), sent);
      const reader = await openStreamReader(messaging.require(), {
        stream: topology.stream,
        after: 4,
        created: null,
        pageSize: 4,
      });
      const first = await reader.next();
      const second = await reader.next();
      await reader.close();
      assert.deepEqual(
        first.messages.map(({ streamSequence }) => streamSequence),
        [5, 6, 7, 8],
      );
      assert.deepEqual(
        second.messages.map(({ streamSequence }) => streamSequence),
        [9, 10],
      );
      assert.equal(second.pending, 0);
    });

    it('waits for what is published next', async () => {
      const options = { stream: topology.stream, after: 0, created: null, pageSize: 10 };
      const reader = await openStreamReader(messaging.require(), options);
      const next = reader.next();
      await publishInOrder(messaging.require(), messages(1));
      assert.equal((await next).messages.length, 1);
      await reader.close();
    });

    it('goes on when the server has dropped its consumer', async () => {
      const options = { stream: topology.stream, after: 0, created: null, pageSize: 10 };
      const reader = await openStreamReader(messaging.require(), options);
      await publishInOrder(messaging.require(), messages(2));
      await reader.next();
      const manager = await messaging.require().jetstreamManager();
      for await (const { name } of manager.consumers.list(topology.stream)) {
        await manager.consumers.delete(topology.stream, name);
      }
      await publishInOrder(messaging.require(), messages(1));
      const read = await eventually(
        async () => {
          const page = await reader.next();
          return page.messages.length > 0 ? page : undefined;
        },
        { what: 'the reader has a new consumer' },
      );
      assert.deepEqual(
        read.messages.map(({ streamSequence }) => streamSequence),
        [3],
      );
      await reader.close();
    });

    it('of a stream that is not the one that was read is refused', async () => {
      const { created } = await ensureStream(messaging.require(), topology);
      const at = { stream: topology.stream, pageSize: 10 };
      await assert.rejects(
        openStreamReader(messaging.require(), { ...at, after: 0, created: '2020-01-01T00:00:00Z' }),
        StreamReplacedError,
      );
      await assert.rejects(
        openStreamReader(messaging.require(), { ...at, after: 7, created }),
        StreamReplacedError,
      );
    });
  });

  describe('a durable consumer', () => {
    /** Runs a consumer until `done` says so. @returns bodies, in the order they were handled. */
    async function handleUntil(
      count: number,
      handle: (body: string, delivery: number) => void = () => undefined,
      admitted?: Parameters<typeof consume>[0]['admitted'],
    ): Promise<string[]> {
      const stop = new AbortController();
      const handled: string[] = [];
      const running = consume(
        {
          messaging,
          topology,
          durable: topology.orderSagaStarter,
          filter: topology.ordersOfType('OrderCreated'),
          concurrency: 4,
          admitted,
          handle: (message) => {
            handle(message.string(), message.info.deliveryCount);
            handled.push(message.string());
            return Promise.resolve();
          },
          onFailure: () => undefined,
        },
        stop.signal,
      );
      await eventually(() => Promise.resolve(handled.length >= count || undefined), {
        what: `${count} messages are handled`,
      });
      stop.abort();
      await running;
      return handled;
    }

    it('handles every message, and after a restart only the new ones', async () => {
      const sent = messages(20);
      await publishInOrder(messaging.require(), sent);
      assert.deepEqual(new Set(await handleUntil(20)), new Set(bodiesOf(sent)));
      const more = { ...messages(1)[0], body: '"later"' } as OutgoingMessage;
      await publishInOrder(messaging.require(), [more]);
      assert.deepEqual(await handleUntil(1), ['"later"']);
    });

    it('takes no more messages at a time than are admitted, and all in the end', async () => {
      const sent = messages(9);
      await publishInOrder(messaging.require(), sent);
      const taken: number[] = [];
      let atOnce = 0;
      const handled = await handleUntil(
        9,
        () => atOnce++,
        (handling) => {
          taken.push(atOnce);
          atOnce = 0;
          assert.ok(handling() <= 2);
          return Promise.resolve(2);
        },
      );
      assert.deepEqual(new Set(handled), new Set(bodiesOf(sent)));
      assert.ok(Math.max(...taken) <= 2);
    });

    it('hands a message that failed over again, without holding up the others', async () => {
      const sent = messages(8);
      await publishInOrder(messaging.require(), sent);
      const handled = await handleUntil(8, (body, delivery) => {
        if (body === sent[0]?.body && delivery < 3) throw new Error('not yet');
      });
      assert.equal(handled.at(-1), sent[0]?.body);
      assert.deepEqual(new Set(handled), new Set(bodiesOf(sent)));
    });
  });
});
