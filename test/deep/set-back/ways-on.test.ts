import assert from 'node:assert/strict';
import { createStreamPublisher } from '../../../activities/outbox-relay/stream-publisher.ts';
import { connect, type Knex } from '../../../db/connection.ts';
import { appendEvents } from '../../../db/event-store.ts';
import { migrate } from '../../../db/migrate.ts';
import { shardsAhead } from '../../../db/outbox/ahead.ts';
import { OUTBOX_SCHEMA } from '../../../db/migrations/0002-outbox.ts';
import { DumpRestoredError, OutboxRefusedError, StreamAheadError } from '../../../db/outbox/errors.ts';
import { restoreOrder } from '../../../db/restore-orders.ts';
import type { OrderEvent, OrderFact } from '../../../domain/events.ts';
import { OUTBOX_SHARDS, type Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { streamState } from '../../../messaging/stream.ts';
import { letRelaysGoOn } from '../../../worker/set-back/go-on.ts';
import { aggregatesOf } from '../../../worker/set-back/lost-aggregates.ts';
import { findLost, type Sources } from '../../../worker/set-back/lost.ts';
import { removeLost } from '../../../worker/set-back/publish-from-here.ts';
import { reportOf } from '../../../worker/set-back/report.ts';
import { takeBack } from '../../../worker/set-back/take-back.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { cloneDatabase, createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { burnXids, copySchemaData, nextXid } from '../../support/outbox-copies.ts';
import { silentObserver, testRelay } from '../../support/outbox-readers.ts';
import { ownPostgres } from '../../support/own-servers.ts';
import { listProducts } from '../../support/products.ts';
import { readStream, storedMessages } from '../../support/stream.ts';

describe('going on after a database was set back', function () {
  this.timeout(120_000);
  let database: TestDatabase;
  /** The older copy, once it was made. */
  let copy: TestDatabase | undefined;
  let messaging: Messaging;
  let topology: Topology;

  before(async () => {
    messaging = await testMessaging();
  });
  after(() => messaging.close());
  beforeEach(async () => {
    database = await createTestDatabase();
    topology = newTopology();
  });
  afterEach(async () => {
    await copy?.drop();
    copy = undefined;
    await database.drop();
  });

  /** Runs the relays of all shards until nothing is left to publish. @throws what one of them ended with */
  async function publish(db: Knex, isDone = () => isSent(db)): Promise<void> {
    const stop = new AbortController();
    const relays = Array.from({ length: OUTBOX_SHARDS }, (_, shard) => {
      const publisher = createStreamPublisher({
        messaging,
        topology,
        subjects: topology.subjectsOfShard(shard),
        onPage: () => undefined,
      });
      const running = testRelay(db, OUTBOX_SCHEMA, publisher, {
        shard,
        observer: { ...silentObserver, failed: () => undefined },
      }).run(stop.signal);
      return running.catch((error: unknown) => {
        stop.abort();
        throw error;
      });
    });
    const settled = Promise.allSettled(relays);
    await eventually(async () => stop.signal.aborted || (await isDone()) || undefined, {
      what: 'the backlog is empty',
    }).finally(() => {
      stop.abort();
    });
    for (const result of await settled) if (result.status === 'rejected') throw result.reason;
  }
  async function isSent(db: Knex): Promise<boolean> {
    const retries = await db('messaging.outbox_parked').where({ state: 'RETRY' }).pluck<string[]>('seq');
    return retries.length === 0 && (await isCaughtUp(db, OUTBOX_SCHEMA, OUTBOX_SHARDS));
  }

  const write = (db: Knex, events: readonly OrderEvent[]): Promise<void> =>
    db.transaction(async (trx) => {
      await restoreOrder(trx, events);
      await appendEvents(trx, events);
    });
  const newOrders = (facts: readonly OrderFact[]): OrderEvent[] => orderHistory(facts);
  const sourcesOf = (db: Knex): Sources => ({ db, messaging, topology, onProgress: () => undefined });
  const rowsOf = async (db: Knex): Promise<unknown> => ({
    orders: await db('orders.orders').orderBy('id'),
    lines: await db('orders.order_lines').orderBy(['order_id', 'line_no']),
    products: await db('orders.products').orderBy('sku'),
    stock: await db('inventory.stock').orderBy('sku').select('sku', 'on_hand', 'reserved', 'version'),
  });
  const outboxOf = (db: Knex): Promise<unknown> =>
    db('messaging.outbox')
      .orderBy(['aggregate_type', 'aggregate_id', 'aggregate_version'])
      .select(
        'id',
        'shard',
        'aggregate_type',
        'aggregate_id',
        'aggregate_version',
        'event_type',
        'payload',
        'headers',
      );
  const lastSequence = async (): Promise<number> =>
    (await streamState(messaging.require(), topology.stream))?.lastSequence ?? 0;
  async function takeAllBack(db: Knex): Promise<readonly string[]> {
    const lost = await findLost(sourcesOf(db));
    const { left } = await takeBack(db, lost.created, await aggregatesOf(db, lost), () => undefined);
    if ((await findLost(sourcesOf(db))).events.length === 0) await letRelaysGoOn(db, lost);
    return left;
  }

  /** Histories of which the older copy knows a part, from nothing to all. */
  async function loseParts(): Promise<Knex> {
    await listProducts(database.db, [{ sku: 'COFFEE-1KG', onHand: 10 }]);
    const later: OrderEvent[][] = [];
    for (const story of Object.values(stories))
      for (let known = 0; known <= story.length; known += 2) {
        const events = orderHistory(story);
        if (known > 0) await write(database.db, events.slice(0, known));
        later.push(events.slice(known));
      }
    await publish(database.db);
    copy = await cloneDatabase(database);
    await listProducts(database.db, [
      { sku: 'COFFEE-1KG', priceMinor: 2_000, onHand: 20 },
      { sku: 'FILTER', onHand: 5 },
    ]);
    for (const events of later) if (events.length > 0) await write(database.db, events);
    await publish(database.db);
    return copy.db;
  }

  it('what is taken back from the stream is what was there, and is not published a second time', async () => {
    const db = await loseParts();
    await assert.rejects(publish(db), StreamAheadError);
    const before = await lastSequence();
    const { eventsByType } = await reportOf(db, await findLost(sourcesOf(db)));
    assert.deepEqual(await takeAllBack(db), []);
    assert.deepEqual(await rowsOf(db), await rowsOf(database.db));
    assert.deepEqual(await outboxOf(db), await outboxOf(database.db));
    const dispatched = eventsByType['ShipmentDispatched'] ?? 0;
    const shipped = await db('inventory.stock').orderBy('sku').pluck('shipped');
    assert.deepEqual(shipped, [String(2 * dispatched), String(6 * dispatched)]);
    await publish(db);
    assert.equal(await lastSequence(), before);
    await write(db, newOrders(stories.completed));
    await publish(db);
    assert.equal(await lastSequence(), before + stories.completed.length);
  });

  it('a shipment that is in the copy, while the event of its order was lost, is counted once', async () => {
    const db = await loseParts();
    const lost = await findLost(sourcesOf(db));
    const events = (await aggregatesOf(db, lost)).flatMap((aggregate) =>
      aggregate.events.map(({ event }) => event),
    );
    const dispatched = events.filter(({ type }) => type === 'ShipmentDispatched');
    const [first] = dispatched;
    assert.ok(first?.type === 'ShipmentDispatched');
    const now = new Date();
    await db('inventory.reservations').insert({
      order_id: first.aggregateId,
      state: 'SHIPPED',
      lines: JSON.stringify(first.data.lines),
      created_at: now,
      updated_at: now,
    });
    for (const { sku, quantity } of first.data.lines)
      await db('inventory.stock').where({ sku }).increment('shipped', quantity);
    assert.deepEqual(await takeAllBack(db), []);
    const shipped = await db('inventory.stock').orderBy('sku').pluck('shipped');
    assert.deepEqual(shipped, [String(2 * dispatched.length), String(6 * dispatched.length)]);
  });

  it('taking back may be interrupted and begun again', async () => {
    const db = await loseParts();
    const lost = await findLost(sourcesOf(db));
    const aggregates = await aggregatesOf(db, lost);
    await takeBack(db, lost.created, aggregates.slice(0, 7), () => undefined);
    await assert.rejects(publish(db), StreamAheadError);
    assert.deepEqual(await takeAllBack(db), []);
    assert.deepEqual(await takeAllBack(db), []);
    assert.deepEqual(await rowsOf(db), await rowsOf(database.db));
    assert.deepEqual(await outboxOf(db), await outboxOf(database.db));
    await publish(db);
  });

  it('what was taken back is published again, in order, when the stream is lost later', async () => {
    const db = await loseParts();
    await takeAllBack(db);
    await publish(db);
    const manager = await messaging.require().jetstreamManager();
    await manager.streams.delete(topology.stream);
    const { rows } = await db.raw<{ rows: { n: number }[] }>(
      'select count(*)::int as n from messaging.outbox',
    );
    await publish(db, async () => (await lastSequence()) === rows[0]?.n);
    const versions = new Map<string, number[]>();
    for (const { header } of await storedMessages(messaging.require(), topology)) {
      const key = `${header.get('ce-source')} ${header.get('ce-subject')}`;
      versions.set(key, [...(versions.get(key) ?? []), Number(header.get('ce-sequence'))]);
    }
    assert.equal([...versions.values()].flat().length, rows[0]?.n);
    for (const [key, seen] of versions)
      assert.deepEqual(
        seen,
        seen.map((_, index) => index + 1),
        `${key} came out of order`,
      );
  });

  it('other events of the same versions are listed, never overwritten, and stay unpublished until they are decided', async () => {
    const [created, ...later] = orderHistory(stories.completed);
    assert.ok(created);
    await write(database.db, [created]);
    await publish(database.db);
    copy = await cloneDatabase(database);
    await write(database.db, later);
    await publish(database.db);
    const before = await lastSequence();

    const [, ...others] = orderHistory(stories.outOfStock, { orderId: created.aggregateId });
    await write(copy.db, others);
    const report = await reportOf(copy.db, await findLost(sourcesOf(copy.db)));
    assert.deepEqual(
      report.aggregates.map(({ id, standing }) => ({ id, standing })),
      [{ id: created.aggregateId, standing: 'CONFLICT' }],
    );
    const rows = await rowsOf(copy.db);
    await takeAllBack(copy.db);
    assert.deepEqual(await rowsOf(copy.db), rows);
    await assert.rejects(publish(copy.db), StreamAheadError);

    const lost = await findLost(sourcesOf(copy.db));
    await removeLost(sourcesOf(copy.db), lost);
    await removeLost(sourcesOf(copy.db), lost); // as after an interruption
    await letRelaysGoOn(copy.db, lost);
    await publish(copy.db);
    assert.equal(await lastSequence(), before + 1);
    const types = (await readStream(messaging.require(), topology)).map(
      ({ subject }) => subject.split('.')[2],
    );
    assert.deepEqual(types, ['OrderCreated', 'OrderCancelled']);
  });

  it('lists the money that moved, the parcels, and orders that may have been placed a second time', async () => {
    const events = orderHistory(stories.delivered, { startedAt: new Date().toISOString() });
    await write(database.db, newOrders(stories.outOfStock));
    await publish(database.db);
    copy = await cloneDatabase(database);
    await write(database.db, events);
    await publish(database.db);
    const again = orderHistory(stories.completed, { startedAt: new Date(Date.now() + 60_000).toISOString() });
    await write(copy.db, again.slice(0, 1));

    const report = await reportOf(copy.db, await findLost(sourcesOf(copy.db)));
    const orderId = events[0]?.aggregateId;
    assert.deepEqual(report.money, [
      { orderId, kind: 'CHARGE', amountMinor: 4_320, currency: 'EUR', providerReference: 'ref' },
    ]);
    assert.deepEqual(report.parcels, [{ orderId, carrier: 'Carrier', trackingNumber: 'T1' }]);
    assert.deepEqual(report.placedAgain, [
      { lostOrderId: orderId, orderId: again[0]?.aggregateId, customerId: 'customer-1' },
    ]);
    assert.equal(report.counts.ordersMissing, 1);
    assert.equal(report.eventsByType['ShipmentDelivered'], 1);
  });

  for (const way of ['take-back', 'publish-from-here'] as const)
    it(`a dump that was restored on another server goes on with ${way}, and leaves none of its events out`, async () => {
      const server = await ownPostgres('none');
      const db = connect({ url: server.url, poolSize: 20, applicationName: 'test' });
      try {
        await migrate({ write: db, read: db });
        await burnXids(database.db, (await nextXid(db)) + 2_000n);
        await write(database.db, newOrders(stories.completed));
        await publish(database.db);
        // Committed and not yet published when the dump is made; the stream gets one of the two afterwards.
        const [late, unpublished] = [newOrders(stories.completed), newOrders(stories.delivered)];
        await write(database.db, late);
        for (const schema of ['messaging', 'orders']) await restore(database.db, db, server.url, schema);
        await publish(database.db);
        const lostLater = newOrders(stories.outOfStock);
        await write(database.db, lostLater);
        await publish(database.db);

        await write(db, unpublished);
        await assert.rejects(publish(db), OutboxRefusedError);
        assert.equal((await shardsAhead(db, { schema: OUTBOX_SCHEMA })).length, 1);
        const lost = await findLost(sourcesOf(db));
        assert.deepEqual(new Set(lost.events.map(({ id }) => id)), new Set(lostLater.map(({ id }) => id)));
        if (way === 'take-back') await takeAllBack(db);
        else {
          await removeLost(sourcesOf(db), lost);
          await assert.rejects(publish(db), DumpRestoredError);
          await letRelaysGoOn(db, lost);
        }
        await publish(db);
        const messages = await readStream(messaging.require(), topology);
        const ids = new Set(messages.map((message) => message.id()));
        const { rows } = await db.raw<{ rows: { id: string }[] }>('select id from messaging.outbox');
        assert.deepEqual(ids, new Set(rows.map(({ id }) => id)));
      } finally {
        await db.destroy();
        await server.remove();
      }
    });

  /** Rows of referring tables come before those that they refer to, so constraints are off meanwhile. */
  async function restore(from: Knex, to: Knex, url: string, schema: string): Promise<void> {
    await to.raw("alter role postgres set session_replication_role = 'replica'");
    const writer = connect({ url, poolSize: 1, applicationName: 'restore' });
    try {
      await copySchemaData(from, writer, schema);
    } finally {
      await writer.destroy();
      await to.raw('alter role postgres reset session_replication_role');
    }
  }
});
