import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, Events, type NatsConnection } from 'nats';
import { freePort } from '../../../dev/servers/free-port.ts';
import type { RunningServer } from '../../../dev/servers/start-server.ts';
import { createTopology, partitionOf } from '../../../domain/topology.ts';
import { createAppliedAnnouncer, followApplied } from '../../../messaging/applied.ts';
import { connectMessaging, type Messaging } from '../../../messaging/connection.ts';
import { consume } from '../../../messaging/consumer.ts';
import { createStreamFollower } from '../../../messaging/follow-stream.ts';
import { openHistory } from '../../../messaging/history.ts';
import { createNudge, createWakeUp } from '../../../messaging/nudge.ts';
import { followOrder } from '../../../messaging/order-events.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { announceRelayed, followRelayed } from '../../../messaging/relayed.ts';
import { openStreamReader } from '../../../messaging/stream-reader.ts';
import { scanStream } from '../../../messaging/stream-scan.ts';
import { ensureStream, messageIdAt } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { createLogger } from '../../../platform/logger.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { startDeployedNats } from '../../support/deployed-nats.ts';
import { eventually } from '../../support/eventually.ts';
import { progress, testDataDir } from '../../support/servers.ts';

const topology = createTopology();
/** Looks like a number, which the server's configuration would take for one if it were not quoted. */
const passwordOf = (user: string): string => `12e4${user}`;

const event = (id: string): Parameters<typeof publishInOrder>[1][number] => {
  const [created] = orderHistory(stories.completed, { orderId: id });
  return {
    subject: topology.subjectOf({ aggregateType: 'order', aggregateId: id, type: 'OrderCreated' }),
    id,
    body: JSON.stringify(created),
    headers: {},
  };
};

describe("the rights of each process's NATS user (deploy/nats.conf)", function () {
  this.timeout(60_000);

  let url: string;
  let server: RunningServer;
  const opened: Messaging[] = [];

  before(async () => {
    const dir = join(await testDataDir(), 'nats-permissions');
    await mkdir(dir, { recursive: true });
    const port = await freePort();
    url = `nats://127.0.0.1:${port}`;
    server = await startDeployedNats(
      { dir, port, progress },
      {
        NATS_COMMAND_API_PASSWORD: `"${passwordOf('command-api')}"`,
        NATS_WORKER_PASSWORD: `"${passwordOf('worker')}"`,
        NATS_QUERY_API_PASSWORD: `"${passwordOf('query-api')}"`,
        NATS_PROJECTOR_PASSWORD: `"${passwordOf('projector')}"`,
      },
    );
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((messaging) => messaging.close()));
  });
  after(() => server.stop());

  /** As the process itself connects. */
  async function as(user: string): Promise<Messaging> {
    const logger = createLogger(user, 'silent');
    const messaging = connectMessaging({ url, name: user, user, password: passwordOf(user), logger });
    opened.push(messaging);
    await messaging.firstConnection;
    return messaging;
  }

  const raw = (user: string): Promise<NatsConnection> =>
    connect({ servers: url, user, pass: passwordOf(user), inboxPrefix: `_INBOX.${user}`, reconnect: false });

  /** What the server says about a publication or subscription that it refuses. */
  async function refusalOf(user: string, act: (connection: NatsConnection) => void): Promise<string> {
    const connection = await raw(user);
    try {
      const refused = (async () => {
        for await (const status of connection.status()) {
          if (status.type === Events.Error) return JSON.stringify(status);
        }
        return 'nothing was refused';
      })();
      act(connection);
      await connection.flush();
      void connection.close();
      return await refused;
    } finally {
      await connection.close();
    }
  }

  async function storedBy(messaging: Messaging): Promise<number> {
    return (await ensureStream(messaging.require(), topology)).lastSequence;
  }

  it('a wrong password opens nothing, and none neither', async () => {
    await assert.rejects(connect({ servers: url, user: 'worker', pass: 'wrong', reconnect: false }));
    await assert.rejects(connect({ servers: url, reconnect: false }));
  });

  it('the worker makes the stream, publishes pages and single events, looks after them, and starts sagas from them', async () => {
    const worker = await as('worker');
    await ensureStream(worker.require(), topology);
    const page = await publishInOrder(worker.require(), Array.from('abcdefgh', event));
    assert.equal(page.as, 'batch');
    const { lastSequence } = await publishInOrder(worker.require(), [event('i')]);
    assert.equal(await messageIdAt(worker.require(), topology, lastSequence), 'i');
    for (const durable of [topology.orderSagaStarter, topology.shipmentSagaStarter]) {
      const seen: string[] = [];
      const failures: unknown[] = [];
      const enough = new AbortController();
      const consuming = consume(
        {
          messaging: worker,
          topology,
          durable,
          filter: topology.ordersOfType('OrderCreated'),
          concurrency: 4,
          handle: (message) => {
            seen.push(message.subject);
            return Promise.resolve();
          },
          onFailure: (error) => failures.push(error),
        },
        enough.signal,
      );
      await eventually(() => Promise.resolve(seen.length >= 9 || undefined), { what: `${durable} sees all` });
      enough.abort();
      await consuming;
      assert.deepEqual(failures, []);
      const manager = await worker.require().jetstreamManager({ checkAPI: false });
      // The server takes acknowledgements behind each other, and answers questions meanwhile.
      await eventually(
        async () =>
          (await manager.consumers.info(topology.stream, durable)).num_ack_pending === 0 || undefined,
        { what: 'acknowledgements arrive' },
      );
    }
  });

  for (const user of ['worker', 'projector'])
    it(`the audit reads the stream as ${user}, and leaves no consumer behind`, async () => {
      const [worker, reader] = [await as('worker'), await as(user)];
      const { lastSequence } = await publishInOrder(worker.require(), [event(newId())]);
      const manager = await worker.require().jetstreamManager({ checkAPI: false });
      const consumers = async () => (await manager.streams.info(topology.stream)).state.consumer_count;
      const before = await consumers();
      const read: number[] = [];
      const options = { stream: topology.stream, after: 0, subjects: ['orders.>'], pageSize: 4 };
      for await (const page of scanStream(reader.require(), options))
        read.push(...page.map(({ streamSequence }) => streamSequence));
      assert.equal(read.at(-1), lastSequence);
      assert.equal(await consumers(), before);
    });

  it('the command API wakes the relay', async () => {
    const [worker, commandApi] = [await as('worker'), await as('command-api')];
    const until = new AbortController();
    const wakeUp = createWakeUp(worker, topology, 0, until.signal);
    await (await worker.firstConnection).flush();
    const startedAt = Date.now();
    const woken = wakeUp(20_000, until.signal);
    createNudge(commandApi, topology)([0]);
    await woken;
    until.abort();
    assert.ok(Date.now() - startedAt < 10_000, 'by the nudge, not by the timeout');
  });

  it('the command API hears what becomes of an order', async () => {
    const [worker, commandApi] = [await as('worker'), await as('command-api')];
    await ensureStream(worker.require(), topology);
    const heard: string[] = [];
    const orderId = newId();
    const following = await followOrder(
      commandApi.require(),
      topology,
      orderId,
      ({ aggregateId }) => heard.push(aggregateId),
      assert.ifError,
    );
    await publishInOrder(worker.require(), [event(newId()), event(orderId)]);
    await eventually(() => Promise.resolve(heard.length > 0 || undefined), { what: 'its event is heard' });
    following.stop();
    assert.equal(heard.length, 1, 'and no other order’s');
  });

  it('the projector reads the stream and hears how far the relays are', async () => {
    const [worker, projector] = [await as('worker'), await as('projector')];
    await ensureStream(worker.require(), topology);
    const { lastSequence } = await publishInOrder(worker.require(), [event('j')]);
    const options = { stream: topology.stream, after: 0, created: null, pageSize: 100 };
    const reader = await openStreamReader(projector.require(), options);
    const freshness = followRelayed(projector.require(), topology, assert.ifError);
    await projector.require().flush();
    const read = await eventually(
      async () => {
        const { messages } = await reader.next();
        return messages.at(-1)?.streamSequence === lastSequence ? messages : undefined;
      },
      { what: 'all is read' },
    );
    assert.equal(read.at(-1)?.subject, event('j').subject);

    const asOf = new Date();
    for (const shard of [0, 1]) {
      announceRelayed(worker, topology, shard, { asOf, created: reader.created, lastSequence });
    }
    await eventually(() => Promise.resolve(freshness.asOf(reader.created, lastSequence)), {
      what: 'both relays are heard',
    });
    freshness.close();
    await reader.close();
    const manager = await worker.require().jetstreamManager({ checkAPI: false });
    const { state } = await manager.streams.info(topology.stream);
    assert.equal(state.consumer_count, 2, 'the reader has taken its consumer away, the starters keep theirs');
  });

  it('the query API reads the history, and leaves no consumer behind', async () => {
    const [worker, queryApi] = [await as('worker'), await as('query-api')];
    await ensureStream(worker.require(), topology);
    const id = newId();
    await publishInOrder(worker.require(), [event(id)]);
    const manager = await worker.require().jetstreamManager({ checkAPI: false });
    const before = (await manager.streams.info(topology.stream)).state.consumer_count;
    const subjects: string[] = [];
    for await (const messages of await openHistory(queryApi, topology))
      subjects.push(...messages.map(({ subject }) => subject));
    assert.equal(subjects.at(-1), event(id).subject);
    assert.equal((await manager.streams.info(topology.stream)).state.consumer_count, before);
  });

  it('the query API hears what the projector has made visible', async () => {
    const [projector, queryApi] = [await as('projector'), await as('query-api')];
    const heard: (readonly string[] | null)[] = [];
    const following = followApplied(
      queryApi.require(),
      topology,
      ({ orderIds }) => heard.push(orderIds),
      assert.ifError,
    );
    await queryApi.require().flush();
    const orderId = newId();
    createAppliedAnnouncer(
      projector,
      topology,
    )({
      writers: [{ partition: partitionOf(orderId), epoch: '1' }],
      ...{ orderIds: [orderId], products: false, asOf: new Date() },
    });
    await eventually(() => Promise.resolve(heard.length > 0 || undefined), { what: 'it is heard' });
    following.close();
    assert.deepEqual(heard, [[orderId]]);
  });

  it('the query API follows what is in the stream and what comes, and leaves no consumer behind', async () => {
    const [worker, queryApi] = [await as('worker'), await as('query-api')];
    await ensureStream(worker.require(), topology);
    const orderId = newId();
    await publishInOrder(worker.require(), [event(orderId)]);
    const manager = await worker.require().jetstreamManager({ checkAPI: false });
    const before = (await manager.streams.info(topology.stream)).state.consumer_count;

    const failures: unknown[] = [];
    const follower = createStreamFollower({
      messaging: queryApi,
      topology,
      onFailure: (error) => failures.push(error),
    });
    const enough = new AbortController();
    const { messages } = await follower.follow({
      subjects: [topology.eventsOf(orderId)],
      after: () => 0,
      signal: enough.signal,
    });
    const seen: string[] = [];
    for await (const { subject } of messages) {
      seen.push(subject);
      if (seen.length === 2) break;
      await publishInOrder(worker.require(), [{ ...event(orderId), id: newId() }]);
    }
    await follower.close();
    assert.deepEqual(seen, [event(orderId).subject, event(orderId).subject]);
    assert.deepEqual(failures, []);
    assert.equal((await manager.streams.info(topology.stream)).state.consumer_count, before);
  });

  const forbiddenPublications: Record<string, readonly string[]> = {
    'command-api': [
      event('x').subject,
      'products.0.ProductListed.X',
      'outbox-relayed.0',
      '$JS.API.STREAM.DELETE.ORDERS',
      topology.applied,
    ],
    'query-api': [
      event('x').subject,
      topology.applied,
      'outbox-nudge.0',
      '$JS.API.STREAM.DELETE.ORDERS',
      `$JS.API.CONSUMER.MSG.NEXT.ORDERS.${topology.orderSagaStarter}`,
      `$JS.API.CONSUMER.DELETE.ORDERS.${topology.orderSagaStarter}`,
    ],
    projector: [
      event('x').subject,
      'outbox-nudge.0',
      'outbox-relayed.0',
      '$JS.API.STREAM.PURGE.ORDERS',
      `$JS.API.CONSUMER.MSG.NEXT.ORDERS.${topology.orderSagaStarter}`,
      `$JS.API.CONSUMER.DELETE.ORDERS.${topology.shipmentSagaStarter}`,
    ],
    worker: [
      '$JS.API.STREAM.DELETE.ORDERS',
      '$JS.API.STREAM.PURGE.ORDERS',
      '$JS.API.STREAM.MSG.DELETE.ORDERS',
      `$JS.API.CONSUMER.DELETE.ORDERS.${topology.shipmentSagaStarter}`,
    ],
  };
  for (const [user, subjects] of Object.entries(forbiddenPublications)) {
    for (const subject of subjects) {
      it(`${user} cannot publish ${subject}`, async () => {
        const worker = await as('worker');
        const before = await storedBy(worker);
        const said = await refusalOf(user, (connection) => {
          connection.publish(subject, '{}');
        });
        assert.match(said, /PERMISSIONS_VIOLATION/);
        assert.equal(await storedBy(worker), before);
      });
    }
  }

  const forbiddenSubscriptions: Record<string, readonly string[]> = {
    'command-api': [
      '>',
      'orders.>',
      '*.*.*.*',
      'products.*.*.*',
      'outbox-relayed.*',
      '$JS.API.>',
      '_INBOX.>',
    ],
    'query-api': ['orders.>', 'outbox-relayed.*', '_INBOX.worker.>', '_INBOX.projector.>'],
    projector: ['orders.>', '_INBOX.worker.>', topology.applied],
    worker: ['_INBOX.projector.>'],
  };
  for (const [user, subjects] of Object.entries(forbiddenSubscriptions)) {
    for (const subject of subjects) {
      it(`${user} cannot listen to ${subject}`, async () => {
        const said = await refusalOf(user, (connection) => {
          connection.subscribe(subject, { callback: () => undefined });
        });
        assert.match(said, /PERMISSIONS_VIOLATION/);
      });
    }
  }
});
