import assert from 'node:assert/strict';
import { connect, type Knex } from '../../../db/connection.ts';
import { migrate } from '../../../db/migrate.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { PARTITIONS, type Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { installProjections } from '../../../projections/kit/install.ts';
import { takeLeases } from '../../../projections/leases.ts';
import { projections } from '../../../projections/projections.ts';
import { runProjector } from '../../../projections/projector.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { ownNats, ownPostgres, type OwnServer } from '../../support/own-servers.ts';
import { appliedSequence } from '../../support/tables.ts';
import { messageOf } from '../../support/stream.ts';

describe('projectors, when what they need restarts', () => {
  let postgres: OwnServer;
  let nats: OwnServer;
  let db: Knex;
  let messaging: Messaging;
  let topology: Topology;
  const running: { stop: AbortController; ended: Promise<void> }[] = [];
  const restarts: string[] = [];

  before(async () => {
    [postgres, nats] = await Promise.all([ownPostgres('full'), ownNats()]);
    db = connect({ url: postgres.url, poolSize: 10, applicationName: 'test' });
    await migrate({ write: db, read: db });
    await installProjections(db, projections);
    messaging = await testMessaging(nats.url);
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
    for (const name of ['first', 'second']) {
      const stop = new AbortController();
      const observer = {
        applied: () => undefined,
        visible: () => undefined,
        currentAsOf: () => undefined,
        holds: () => undefined,
        gap: () => undefined,
        parked: () => undefined,
        waiting: () => undefined,
        announcementIgnored: () => undefined,
        failed: () => undefined,
        restarted: () => restarts.push(name),
      };
      const deps = { db, messaging, topology, projections, owner: name, pageSize: 5, observer };
      running.push({ stop, ended: runProjector(deps, stop.signal) });
    }
  });
  after(async () => {
    for (const { stop } of running) stop.abort();
    await Promise.all(running.map(({ ended }) => ended));
    await messaging.close();
    await db.destroy();
    await Promise.all([postgres.remove(), nats.remove()]);
  });

  const someOrders = (): OrderEvent[] =>
    Array.from({ length: 10 }, () => orderHistory(stories.completed))
      .flat()
      .sort((a, b) => a.aggregateVersion - b.aggregateVersion);
  const publish = (events: readonly OrderEvent[]): Promise<number> =>
    eventually(
      async () => {
        const { lastSequence } = await publishInOrder(
          messaging.require(),
          events.map((event) => messageOf(topology, event, newId())),
        );
        return lastSequence;
      },
      { what: 'the events are in the stream' },
    );
  const untilApplied = (sequence: number): Promise<true> =>
    eventually(async () => ((await appliedSequence(db)) === sequence ? true : undefined), {
      what: `message ${sequence} is applied in all partitions`,
    });
  const completedOrders = async (): Promise<number> => {
    const { rows } = await db.raw<{ rows: [{ orders: number }] }>(
      `select cast(coalesce(sum(orders), 0) as integer) as orders from read.customers where completed > 0`,
    );
    return rows[0].orders;
  };

  it('PostgreSQL: both go on where they were', async () => {
    await untilApplied(await publish(someOrders()));
    await postgres.kill();
    const last = await publish(someOrders());
    await postgres.start();
    await untilApplied(last);
    assert.equal(await completedOrders(), 20);
  });

  it('NATS: both go on behind what they have applied', async () => {
    await nats.kill();
    await nats.start();
    await untilApplied(await publish(someOrders()));
    assert.equal(await completedOrders(), 30);
    assert.deepEqual(restarts, []);
  });

  it('the stream was made anew: every partition is applied from its beginning, whoever has it', async () => {
    const manager = await messaging.require().jetstreamManager();
    await manager.streams.delete(topology.stream);
    const { created } = await ensureStream(messaging.require(), topology);
    await untilApplied(await publish(someOrders()));
    assert.equal(await completedOrders(), 40);
    assert.ok(restarts.length > 0);
    assert.deepEqual(await db('read.checkpoints').distinct('stream_created'), [{ stream_created: created }]);
  });
});

describe('leases', () => {
  it('what a projector had before it was restarted under its name is its own; what another has is not', async () => {
    const database = await createTestDatabase();
    const { db } = database;
    try {
      assert.equal((await takeLeases(db, 'one', 3)).length, 3);
      assert.equal((await takeLeases(db, 'other', PARTITIONS)).length, PARTITIONS - 3);
      const again = await takeLeases(db, 'one', PARTITIONS);
      assert.deepEqual(
        again.map(({ partition, epoch }) => [partition, epoch]).sort(),
        [0, 1, 2].map((partition) => [partition, '2']),
      );
      assert.deepEqual(await takeLeases(db, 'one', PARTITIONS, again), []);
    } finally {
      await database.drop();
    }
  });
});
