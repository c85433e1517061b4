import assert from 'node:assert/strict';
import type { Knex } from '../../../db/connection.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { PARTITIONS, type Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { announceRelayed } from '../../../messaging/relayed.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { decideParkedEvents } from '../../../projections/parking/decisions.ts';
import { findVersions } from '../../../projections/queries/orders.ts';
import { moveCheckpoints, takeLeases } from '../../../projections/leases.ts';
import { currentAsOf } from '../../../projections/queries/freshness.ts';
import { projections } from '../../../projections/projections.ts';
import { runProjector, type ProjectorObserver } from '../../../projections/projector.ts';
import { orderHistory, stories, stuckStory } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { faultyProjections } from '../../support/faulty-projections.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { parkedRows } from '../../support/parked.ts';
import { appliedSequence, contentsOf } from '../../support/tables.ts';
import { messageOf } from '../../support/stream.ts';

describe('projector', () => {
  let database: TestDatabase;
  let db: Knex;
  let messaging: Messaging;
  let topology: Topology;
  const running: { stop: AbortController; ended: Promise<void> }[] = [];

  before(async () => {
    messaging = await testMessaging();
  });
  after(() => messaging.close());
  beforeEach(async () => {
    database = await createTestDatabase();
    db = database.db;
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
  });
  afterEach(async () => {
    await stopAll();
    const manager = await messaging.require().jetstreamManager();
    await manager.streams.delete(topology.stream);
    await database.drop();
  });

  const silent: ProjectorObserver = {
    applied: () => undefined,
    visible: () => undefined,
    currentAsOf: () => undefined,
    holds: () => undefined,
    restarted: () => undefined,
    gap: () => undefined,
    parked: () => undefined,
    waiting: () => undefined,
    announcementIgnored: () => undefined,
    failed: () => undefined,
  };
  function start(observer: Partial<ProjectorObserver> = {}, pageSize = 3, release = projections): void {
    const stop = new AbortController();
    const deps = { db, messaging, topology, projections: release, owner: newId(), pageSize };
    running.push({
      stop,
      ended: runProjector({ ...deps, observer: { ...silent, ...observer } }, stop.signal),
    });
  }
  async function stopAll(): Promise<void> {
    for (const { stop, ended } of running.splice(0)) {
      stop.abort();
      await ended;
    }
  }

  /** Publishes past the duplicate window. @returns the last sequence. */
  async function publish(events: readonly OrderEvent[]): Promise<number> {
    const { lastSequence } = await publishInOrder(
      messaging.require(),
      events.map((event) => messageOf(topology, event, newId())),
    );
    return lastSequence;
  }
  const untilApplied = (sequence: number): Promise<true> =>
    eventually(async () => ((await appliedSequence(db)) === sequence ? true : undefined), {
      what: `message ${sequence} is applied`,
    });
  const views = async (): Promise<Record<string, string[]>> => {
    const contents = await contentsOf(db, ['read.order_summary', 'read.sales_orders', 'read.sales']);
    const orders = contents['read.order_summary'] ?? [];
    const stuck = orders.filter((row) => !row.includes('"stuck_cause": null'));
    return { ...contents, orders, stuck };
  };

  it('events applied twice, from any place in the order, change nothing', async () => {
    const first = orderHistory(stories.completed);
    const second = orderHistory(stories.refunded);
    const mixed = first.flatMap((event, index) => [event, ...second.slice(index, index + 1)]);
    start();
    await untilApplied(await publish([...mixed, ...second.slice(mixed.length - first.length)]));
    const once = await views();
    assert.equal(once['orders']?.length, 2);
    await untilApplied(await publish([...second, ...first, ...first.slice(2)]));
    assert.deepEqual(await views(), once);
  });

  it('a saga that is stuck is listed until an operator has decided, and no repeat brings it back', async () => {
    const [orderId, otherId] = [newId(), newId()];
    const { stuck, settled } = stuckStory(orderId);
    const history = orderHistory([...stuck, ...settled], { orderId });
    start();
    const other = orderHistory(stuckStory(otherId).stuck, { orderId: otherId });
    await untilApplied(await publish([...history.slice(0, 4), ...other]));
    const waiting = await views();
    assert.equal(waiting['stuck']?.length, 2);
    await untilApplied(await publish(history.slice(0, 4)));
    assert.deepEqual(await views(), waiting);
    await untilApplied(await publish(history.slice(4, 5)));
    const decided = await views();
    assert.deepEqual(
      decided['stuck'],
      waiting['stuck'].filter((row) => row.includes(otherId)),
    );
    await untilApplied(await publish([...history.slice(3, 4), ...history.slice(0, 5)]));
    assert.deepEqual(await views(), decided);
    await untilApplied(await publish([...history.slice(5), ...history]));
    assert.deepEqual((await views())['stuck'], decided['stuck']);
  });

  it('a saga that is stuck again is listed as of then, also when an earlier time is repeated', async () => {
    const orderId = newId();
    const { stuck, settled } = stuckStory(orderId, { decision: 'retry' });
    const again = stuckStory(orderId, { occurrence: 2 }).stuck.slice(3);
    const history = orderHistory([...stuck, ...settled.slice(0, 1), ...again], { orderId });
    start();
    await untilApplied(await publish(history));
    const waiting = (await views())['stuck'];
    assert.equal(waiting?.length, 1);
    assert.match(waiting[0] ?? '', /"occurrence": 2/);
    await untilApplied(await publish(history.slice(3, 4)));
    assert.deepEqual((await views())['stuck'], waiting);
  });

  it('tells what has become visible once it is, and under which lease', async () => {
    const events = orderHistory(stories.completed);
    const epochsOf = (leases: readonly { epoch: string }[]): string =>
      [...new Set(leases.map(({ epoch }) => epoch))].join();
    const seen: string[] = [];
    let renewals = 0;
    const visible: Promise<number | undefined>[] = [];
    start({
      visible: ({ leases, events: page, asOf }) => {
        if (page.length === 0) {
          renewals += leases.length;
          return;
        }
        seen.push(...page.map(({ id }) => `${epochsOf(leases)} ${id} ${String(asOf)}`));
        const last = page.at(-1);
        visible.push(
          findVersions(db, [last?.aggregateId ?? '']).then(
            (found) => found.get(last?.aggregateId ?? '')?.version,
          ),
        );
      },
    });
    await untilApplied(await publish(events));
    await eventually(() => Promise.resolve(seen.length === events.length || undefined), {
      what: 'all are told',
    });
    assert.deepEqual(
      seen,
      events.map(({ id }) => `1 ${id} undefined`),
      'as of no time while no relay has spoken',
    );
    await eventually(() => Promise.resolve(renewals > 3 * PARTITIONS || undefined), {
      what: 'it says that it is there while nothing happens',
    });
    const versions = await Promise.all(visible);
    assert.ok(
      versions.every((version, page) => (version ?? 0) >= Math.min(3 * (page + 1), events.length)),
      String(versions),
    );
  });

  it('goes on where another one stopped', async () => {
    const events = orderHistory(stories.completed);
    start();
    await untilApplied(await publish(events.slice(0, 2)));
    await stopAll();
    const last = await publish(events.slice(2));
    const applied: number[] = [];
    start({ applied: ({ length }) => applied.push(length) });
    await untilApplied(last);
    assert.deepEqual(applied, [2]);
  });

  it('what PostgreSQL has lost in a crash is applied again, also by a projector that has not noticed', async () => {
    const events = orderHistory(stories.completed);
    start();
    await untilApplied(await publish(events.slice(0, 2)));
    // As after the crash: rows and checkpoints are back together where they were before.
    await db.transaction(async (trx) => {
      await trx('read.checkpoints').update({ stream_created: null, stream_sequence: 0 });
      await trx('read.order_summary').delete();
      await trx('read.sales_orders').delete();
      await trx('read.sales').delete();
    });
    await untilApplied(await publish(events.slice(2)));
    const after = await views();
    assert.equal(after['orders']?.length, 1);
    assert.match(after['orders'][0] ?? '', /"version": 4/);
    assert.match(after['read.sales_orders']?.[0] ?? '', /"status": "COMPLETED"/);
  });

  it('a page is not waited for until it is on the disk', async () => {
    const settings = await db.transaction(async (trx) => {
      const leases = await takeLeases(trx, 'this', PARTITIONS);
      await moveCheckpoints(trx, leases, 'then', 1);
      const { rows } = await trx.raw<{ rows: { value: string }[] }>(
        `select current_setting('synchronous_commit') as value`,
      );
      return rows;
    });
    assert.deepEqual(settings, [{ value: 'off' }]);
  });

  it('two projectors share the partitions, and one takes over what the other had', async () => {
    const held: (readonly number[])[] = [[], []];
    const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    const untilHeld = (what: string, isSo: () => boolean): Promise<true> =>
      eventually(() => Promise.resolve(isSo() || undefined), { what });
    start({ holds: (partitions) => (held[0] = partitions) });
    await untilHeld('the first one has all', () => held[0]?.length === PARTITIONS);
    start({ holds: (partitions) => (held[1] = partitions) });
    await untilHeld('each has half', () => held.every((partitions) => partitions.length === PARTITIONS / 2));
    assert.deepEqual(held.flat().sort(), all);
    const histories = Array.from({ length: 20 }, () => orderHistory(stories.completed));
    await untilApplied(await publish(histories.flatMap((events) => events.slice(0, 2))));
    const [first] = running.splice(0, 1);
    first?.stop.abort();
    await first?.ended;
    await untilApplied(await publish(histories.flatMap((events) => events.slice(2))));
    assert.deepEqual(held[1], all);
    const { orders } = await views();
    assert.equal(orders?.filter((row) => row.includes('"status": "COMPLETED"')).length, 20);
  });

  it('a stream that was made anew is applied from its beginning', async () => {
    start();
    const events = orderHistory(stories.completed);
    await untilApplied(await publish(events));
    const once = await views();
    await stopAll();
    const manager = await messaging.require().jetstreamManager();
    await manager.streams.delete(topology.stream);
    await ensureStream(messaging.require(), topology);
    const last = await publish([...events, ...orderHistory([stories.completed[0]])]);
    const reasons: string[] = [];
    start({ restarted: (reason) => reasons.push(reason) });
    await untilApplied(last);
    assert.equal(reasons.length, 1);
    const after = await views();
    assert.equal(after['orders']?.length, 2);
    assert.ok(once['orders']?.every((row) => after['orders']?.includes(row)));
  });

  it('an event without the one before it is told with its order, and nothing stands still', async () => {
    const gaps: unknown[] = [];
    start({
      gap: ({ event, expected }) => gaps.push([event.aggregateId, event.aggregateVersion, expected]),
    });
    const [gappy, headless] = [newId(), newId()];
    const [created, , charged, completed] = orderHistory(stories.completed, { orderId: gappy });
    const [, ...behind] = orderHistory(stories.outOfStock, { orderId: headless });
    assert.ok(created && charged && completed);
    await untilApplied(
      await publish([created, charged, completed, ...behind, ...orderHistory(stories.lost)]),
    );
    assert.deepEqual(gaps, [
      [gappy, 3, 2],
      [headless, 2, 1],
    ]);
    const orders = (await views())['orders'];
    assert.equal(orders?.length, 2);
    assert.ok(!orders.some((row) => row.includes(headless)));
  });

  it('half a page is not applied when the database fails', async () => {
    const failures: unknown[] = [];
    start({ failed: (error) => failures.push(error) });
    await db.raw('alter table read.sales rename to elsewhere');
    const last = await publish(orderHistory(stories.completed));
    await eventually(() => Promise.resolve(failures[0]), { what: 'the failure is told' });
    assert.equal(await appliedSequence(db), 0);
    assert.deepEqual(await contentsOf(db, ['read.order_summary', 'read.parked_events']), {
      'read.order_summary': [],
      'read.parked_events': [],
    });
    await db.raw('alter table read.elsewhere rename to sales');
    await untilApplied(last);
  });

  it('a message that is no event is parked with its place in the stream, and the others go on', async () => {
    const causes: string[] = [];
    start({ parked: ({ cause }) => causes.push(cause) });
    const subject = topology.ordersOfType('X').replaceAll('*', '1');
    await publishInOrder(messaging.require(), [{ id: newId(), subject, body: '{}', headers: {} }]);
    await untilApplied(await publish(orderHistory(stories.completed)));
    assert.deepEqual(causes, ['event: type']);
    const [row] = (await contentsOf(db, ['read.parked_events']))['read.parked_events'] ?? [];
    assert.match(row ?? '', /"stream_sequence": 1/);
    assert.equal((await views())['orders']?.length, 1);
  });

  it('two projectors park and release once each, and one takes over what waits with the other', async () => {
    const histories = Array.from({ length: 20 }, () => orderHistory(stories.completed));
    const faults = new Map(histories.map((events) => [events[1]!.id, 'throws'] as const));
    const waiting = new Map<number, { aggregates: number; events: number }>();
    const untilWaiting = (aggregates: number, events: number): Promise<true> => {
      const sum = (count: 'aggregates' | 'events'): number =>
        [...waiting.values()].reduce((all, each) => all + each[count], 0);
      const isSo = (): true | undefined =>
        sum('aggregates') === aggregates && sum('events') === events ? true : undefined;
      return eventually(() => Promise.resolve(isSo()), { what: `${events} events of ${aggregates} wait` });
    };
    const startBroken = (n: number): void => {
      const release = faultyProjections(faults);
      start({ waiting: (each) => waiting.set(n, each) }, 50, release);
    };
    startBroken(0);
    startBroken(1);
    await untilApplied(await publish(histories.flatMap((events) => events.slice(0, 3))));
    await untilWaiting(20, 40);
    const [first] = running.splice(0, 1);
    first?.stop.abort();
    await first?.ended;
    waiting.delete(0);
    await untilApplied(await publish(histories.map((events) => events[3]!)));
    await untilWaiting(20, 60);
    await stopAll();
    waiting.clear();
    start({ waiting: (each) => waiting.set(0, each) });
    start({ waiting: (each) => waiting.set(1, each) });
    await decideParkedEvents(db, { cause: 'orders: TypeError' }, 100, {
      action: 'retry',
      operator: 'ada',
      reason: 'the release is fixed',
    });
    await eventually(async () => ((await parkedRows(db)).length === 0 ? true : undefined), {
      what: 'all is released',
    });
    await untilWaiting(0, 0);
    const { orders } = await views();
    assert.equal(orders?.filter((row) => row.includes('"status": "COMPLETED"')).length, 20);
    const [sold] = await db('read.sales')
      .where({ grain: 15, sku: '', status: 'COMPLETED' })
      .sum({ orders: 'orders' });
    assert.equal(Number(sold?.orders), 20);
  });

  it('says up to when the views know everything, and no more once a relay falls silent', async () => {
    start();
    const { created } = await ensureStream(messaging.require(), topology);
    const lastSequence = await publish(orderHistory(stories.completed));
    await untilApplied(lastSequence);
    assert.equal(await currentAsOf(db), undefined);
    const early = new Date('2026-03-01T10:00:00Z');
    const late = new Date('2026-03-01T10:00:05Z');
    announceRelayed(messaging, topology, 0, { asOf: late, created, lastSequence });
    announceRelayed(messaging, topology, 1, { asOf: early, created, lastSequence });
    const known = await eventually(() => currentAsOf(db), { what: 'both relays were heard' });
    assert.deepEqual(known, early);
    // This one is ahead of what is applied, so it tells nothing yet.
    announceRelayed(messaging, topology, 1, { asOf: late, created, lastSequence: lastSequence + 1 });
    const [next] = orderHistory(stories.completed);
    assert.ok(next);
    assert.deepEqual(await currentAsOf(db), early);
    await untilApplied(await publish([next]));
    await eventually(async () => ((await currentAsOf(db))?.getTime() === late.getTime() ? true : undefined), {
      what: 'the views are current as of the later time',
    });
  });
});
