import assert from 'node:assert/strict';
import { MockActivityEnvironment } from '@temporalio/testing';
import { createRelayActivities } from '../../../activities/outbox-relay/activities.ts';
import { OUTBOX_SCHEMA } from '../../../db/migrations/0002-outbox.ts';
import { append } from '../../../db/outbox/append.ts';
import { listParked } from '../../../db/outbox/parking.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { OUTBOX_SHARDS, type Topology } from '../../../domain/topology.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { silentObserver } from '../../support/outbox-readers.ts';
import { outboxEvent } from '../../support/outbox-writers.ts';
import { listProducts } from '../../support/products.ts';
import { readStream, withNats } from '../../support/stream.ts';

describe('the relay as an activity', function () {
  this.timeout(30_000);
  const RUN_MS = 50;
  let database: TestDatabase;
  let messaging: Messaging;
  let topology: Topology;
  let temporalAnswers: boolean;
  let asked: number;

  beforeEach(async () => {
    database = await createTestDatabase();
    messaging = await testMessaging();
    topology = newTopology();
    temporalAnswers = true;
    asked = 0;
  });
  afterEach(async () => {
    await messaging.close();
    await database.drop();
  });

  /** Runs the activity of every shard until all have ended. @throws what the first of them failed with */
  async function run(shutdown: AbortSignal, onFailure?: (error: unknown) => void): Promise<void> {
    const { relayOutbox } = createRelayActivities({
      db: database.db,
      messaging,
      topology,
      owner: 'test',
      observer: {
        ...silentObserver,
        page: () => undefined,
        ...(onFailure && {
          failed: (_shard: number, error: unknown) => {
            onFailure(error);
          },
        }),
      },
      shutdown,
      askTemporal: () => {
        asked += 1;
        return temporalAnswers ? Promise.resolve() : Promise.reject(new Error('Temporal is out of reach'));
      },
      runMs: RUN_MS,
    });
    const shards = Array.from({ length: OUTBOX_SHARDS }, (_, shard) => shard);
    const ended = await Promise.allSettled(
      shards.map((shard) => new MockActivityEnvironment().run(relayOutbox, shard)),
    );
    for (const { reason } of ended.filter((outcome) => outcome.status === 'rejected')) throw reason;
  }

  const published = async (): Promise<number> =>
    (await withNats((connection) => readStream(connection, topology))).length;

  it('ends after its time, so that the workflow begins the next run', async () => {
    await run(new AbortController().signal);
    assert.ok(asked >= OUTBOX_SHARDS);
  });

  it('goes on publishing while Temporal is out of reach, and ends when it is back', async () => {
    temporalAnswers = false;
    const running = run(new AbortController().signal);
    await eventually(() => Promise.resolve(asked > 4 * OUTBOX_SHARDS || undefined), {
      what: 'the time of a run is long over',
    });
    await listProducts(database.db, [{ sku: 'LATE', onHand: 1 }]);
    await eventually(async () => ((await published()) === 2 ? true : undefined), {
      what: 'what was written after that is published',
    });
    temporalAnswers = true;
    await running;
  });

  it('parks what JetStream does not take, and publishes the rest', async () => {
    temporalAnswers = false;
    const shutdown = new AbortController();
    const running = run(shutdown.signal);
    const tooLarge = outboxEvent('big', 1, { text: 'x'.repeat(2_000_000) });
    await database.db.transaction((trx) =>
      append(trx, [outboxEvent('small', 1), tooLarge, outboxEvent('big', 2), outboxEvent('small', 2)], {
        schema: OUTBOX_SCHEMA,
      }),
    );
    const [parked] = await eventually(
      async () => {
        const rows = await listParked(database.db, { schema: OUTBOX_SCHEMA }, 10);
        return rows.length === 1 && rows[0]?.waiting === 1 ? rows : undefined;
      },
      { what: 'the large event is parked' },
    );
    assert.deepEqual([parked?.id, parked?.attempts.finished], [tooLarge.id, 3]);
    assert.match(parked?.cause ?? '', /larger than the NATS server accepts/);
    assert.equal(await published(), 2);
    shutdown.abort();
    await assert.rejects(running, { type: 'RELAY_HANDED_OVER' });
  });

  it('stops while the stream is full, blames no event, and publishes all when there is room again', async () => {
    temporalAnswers = false;
    await ensureStream(messaging.require(), topology);
    const limit = (max_bytes: number): Promise<unknown> =>
      withNats(async (connection) =>
        (await connection.jetstreamManager()).streams.update(topology.stream, { max_bytes }),
      );
    await limit(2_000);
    const refusals: string[] = [];
    const shutdown = new AbortController();
    const running = run(shutdown.signal, (error) => refusals.push(String(error)));
    const events = ['a', 'b', 'c', 'd'].flatMap((id) =>
      [1, 2].map((n) => outboxEvent(id, n, { text: 'x'.repeat(500) })),
    );
    await database.db.transaction((trx) => append(trx, events, { schema: OUTBOX_SCHEMA }));
    const ofRoom = (): string[] =>
      refusals.filter((text) => /the stream has no room \(JetStream error 10077\)/.test(text));
    await eventually(() => Promise.resolve(ofRoom().length > 5 || undefined), { what: 'the stream is full' });
    const parked = await database.db('messaging.outbox_parked').select('state');
    assert.deepEqual(parked, []);
    await limit(-1);
    await eventually(async () => (await published()) >= events.length || undefined, {
      what: 'all is published',
    });
    shutdown.abort();
    await assert.rejects(running, { type: 'RELAY_HANDED_OVER' });
  });

  it('hands over when its process drains, also while Temporal is out of reach', async () => {
    temporalAnswers = false;
    const shutdown = new AbortController();
    const running = run(shutdown.signal);
    shutdown.abort();
    await assert.rejects(running, { type: 'RELAY_HANDED_OVER' });
  });
});
