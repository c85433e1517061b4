import assert from 'node:assert/strict';
import type { Knex } from '../../../db/connection.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { createTopology, PARTITIONS } from '../../../domain/topology.ts';
import type { StreamMessage } from '../../../messaging/stream-reader.ts';
import { newId } from '../../../platform/clock.ts';
import type { Projection } from '../../../projections/kit/projection.ts';
import {
  decideParkedEvent,
  decideParkedEvents,
  editParkedEvent,
  faultsOfEdit,
} from '../../../projections/parking/decisions.ts';
import { projections } from '../../../projections/projections.ts';
import { findOrders, type ShownOrder } from '../../../projections/queries/orders.ts';
import {
  findParkedEvent,
  parkedEventsByCause,
  type ParkedEvent,
} from '../../../projections/queries/parked-events.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { faultyProjections, type Fault } from '../../support/faulty-projections.ts';
import { messageOf, parkedRows, parkingOfMessages } from '../../support/parked.ts';
import { contentsOf } from '../../support/tables.ts';

const by = { operator: 'ada', reason: 'because' };
const free = (): Promise<void> => Promise.resolve();

describe('parking', () => {
  const topology = createTopology();
  let database: TestDatabase;
  let db: Knex;
  let sequence: number;

  beforeEach(async () => {
    database = await createTestDatabase();
    db = database.db;
    sequence = 0;
  });
  afterEach(() => database.drop());

  const open = (release: readonly Projection[] = projections): ReturnType<typeof parkingOfMessages> => {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition);
    return parkingOfMessages({ db, projections: release, topology, partitions });
  };
  const message = (event: OrderEvent, body?: string | Uint8Array): StreamMessage =>
    messageOf(topology, ++sequence, event, body);
  const messages = (events: readonly OrderEvent[]): StreamMessage[] => events.map((event) => message(event));
  const shown = async (orderId: string): Promise<ShownOrder | undefined> =>
    (await findOrders(db, [orderId])).get(orderId);
  const versionOf = async (orderId: string): Promise<number | undefined> => (await shown(orderId))?.version;
  async function parked(): Promise<ParkedEvent[]> {
    const { groups } = await parkedEventsByCause(db, { limit: 200 });
    return groups.flatMap(({ events }) => events);
  }
  async function onlyParked(): Promise<ParkedEvent> {
    const [event, ...others] = await parked();
    assert.ok(event && others.length === 0);
    return event;
  }
  const views = (): Promise<Record<string, string[]>> =>
    contentsOf(db, ['read.order_summary', 'read.sales_orders']);

  it('an event that cannot be read parks its order alone, with what comes after it, in this page and later', async () => {
    const [bad, good] = [orderHistory(stories.completed), orderHistory(stories.completed)];
    const parking = await open();
    const page = bad.slice(0, 3).flatMap((event, n) => [event, ...good.slice(n, n + 1)]);
    const progress = await parking.apply(
      page.map((event) => (event === bad[1] ? message(event, '{"type":') : message(event))),
      'first',
      free,
    );
    assert.equal(progress.events.length, 4);
    assert.deepEqual(progress.heldUp, [bad[0]!.aggregateId]);
    const later = await parking.apply(messages([bad[3]!, good[3]!]), 'first', free);
    assert.deepEqual(later.heldUp, [bad[0]!.aggregateId]);
    assert.equal(await versionOf(good[0]!.aggregateId), 4);
    assert.equal(await versionOf(bad[0]!.aggregateId), 1);
    assert.deepEqual(
      (await parkedRows(db)).map(({ version, state, cause }) => [version, state, cause]),
      [
        [null, 'PARKED', 'body: not JSON'],
        [3, 'BEHIND', null],
        [4, 'BEHIND', null],
      ],
    );
    assert.deepEqual(parking.waiting(), { aggregates: 1, events: 3 });
    assert.deepEqual((await open()).waiting(), parking.waiting());
  });

  it('what comes in as bytes that PostgreSQL has no text for is parked as it is', async () => {
    const [event] = orderHistory(stories.completed);
    const withZero = JSON.stringify({ ...event, type: 'X\u0000', schemaVersion: 1 });
    const bodies = [new Uint8Array([0, 0xff, 0x7b]), withZero];
    const parking = await open();
    for (const body of bodies) {
      const [other] = orderHistory(stories.completed);
      await parking.apply([message(other!, body)], 'first', free);
    }
    const events = await parked();
    assert.deepEqual(events.map(({ cause }) => cause).sort(), ['body: not UTF-8', 'unknown type X\ufffd']);
    const found = await findParkedEvent(db, events[0]!.id);
    assert.deepEqual(new Uint8Array(found!.body), bodies[0]);
  });

  it('a message whose subject names nobody, or another order, is parked and nothing is applied of it', async () => {
    const [event, other] = [orderHistory(stories.completed)[0]!, orderHistory(stories.completed)[0]!];
    const nameless = { ...message(event), subject: 'orders.99.OrderCreated' };
    const misnamed = { ...message(other), subject: topology.subjectOf({ ...other, aggregateId: newId() }) };
    const parking = await open();
    await parking.apply([nameless, misnamed], 'first', free);
    assert.deepEqual(
      (await parked()).map(({ aggregateType, cause }) => [aggregateType, cause]),
      [
        ['message', 'subject: of another aggregate'],
        ['order', 'subject: of another aggregate'],
      ],
    );
    assert.deepEqual((await views())['read.order_summary'], []);
  });

  it('three culprits in a page of 500 are found, whether a fold throws or the database refuses their rows', async () => {
    const histories = Array.from({ length: 250 }, () => orderHistory(stories.completed.slice(0, 2)));
    const culprits = [histories[3]![1]!, histories[120]![0]!, histories[249]![1]!];
    const kinds: Fault[] = ['row', 'row', 'throws'];
    const parking = await open(faultyProjections(new Map(culprits.map(({ id }, n) => [id, kinds[n]!]))));
    const { events } = await parking.apply(messages(histories.flat()), 'first', free);
    assert.equal(events.length, 500 - 4);
    const waiting = await parked();
    assert.deepEqual(new Set(waiting.map(({ eventId }) => eventId)), new Set(culprits.map(({ id }) => id)));
    assert.deepEqual(
      waiting.map(({ cause }) => cause),
      ['orders: TypeError', 'orders: numeric out of range', 'orders: numeric out of range'].sort(),
    );
    assert.equal(await versionOf(histories[3]![0]!.aggregateId), 1);
    assert.equal(await versionOf(histories[120]![0]!.aggregateId), undefined);
  });

  it('errors of anything but the data park nothing: the page is not applied at all', async () => {
    const [event] = orderHistory(stories.completed);
    const parking = await open();
    await db.raw('alter table read.sales rename to elsewhere');
    await assert.rejects(parking.apply([message(event!)], 'first', free), { code: '42P01' });
    await db.raw('alter table read.elsewhere rename to sales');
    for (const code of ['40001', '40P01', '57014', '57P01', '08006', '53300']) {
      await db.raw(`create or replace function read.refuse() returns trigger language plpgsql as
        'begin raise exception ''planted'' using errcode = ''${code}''; end'`);
      await db.raw(
        'create or replace trigger refuse before insert on read.sales execute function read.refuse()',
      );
      await assert.rejects(parking.apply([message(event!)], 'first', free), { code });
    }
    assert.deepEqual(await parkedRows(db), []);
    assert.deepEqual((await views())['read.order_summary'], []);
  });

  it('what was folded for a page that is not committed is forgotten', async () => {
    const [event] = orderHistory(stories.completed);
    const parking = await open();
    await db.raw(`create function read.refuse() returns trigger language plpgsql as
      'begin raise exception ''planted'' using errcode = ''40001''; end'`);
    await db.raw(`create constraint trigger refuse after insert on read.sales deferrable initially deferred
      for each row execute function read.refuse()`);
    await assert.rejects(parking.apply([message(event!)], 'first', free), { code: '40001' });
    await db.raw('drop trigger refuse on read.sales');
    await parking.apply([message(event!)], 'first', free);
    assert.equal(await versionOf(event!.aggregateId), 1);
  });

  it('a crash before the commit leaves nothing, and one after it parks nothing twice', async () => {
    const [events, others] = [orderHistory(stories.completed), orderHistory(stories.completed)];
    const page = [
      ...messages(others.slice(0, 2)),
      message(events[0]!, '{}'),
      ...messages([...events.slice(1), ...others.slice(2)]),
    ];
    const crash = (): Promise<never> => Promise.reject(new Error('crash'));
    await assert.rejects((await open()).apply(page, 'first', crash), /crash/);
    assert.deepEqual([await parkedRows(db), await versionOf(others[0]!.aggregateId)], [[], undefined]);
    await (await open()).apply(page, 'first', free);
    const once = [await parkedRows(db), await views()];
    assert.equal((await parkedRows(db)).length, 4);
    await (await open()).apply(page, 'first', free);
    assert.deepEqual([await parkedRows(db), await views()], once);
  });

  it('a fixed release applies all of a cause in order once an operator says so, and is as if nothing had been', async () => {
    const histories = Array.from({ length: 60 }, () => orderHistory(stories.completed));
    const faults = new Map(histories.map((events) => [events[1]!.id, 'throws'] as const));
    const broken = await open(faultyProjections(faults));
    await broken.apply(messages(histories.flat()), 'first', free);
    const { groups } = await parkedEventsByCause(db, { limit: 1 });
    assert.deepEqual(
      groups.map(({ cause, count, events }) => [cause, count, events.map(({ waiting }) => waiting)]),
      [['orders: TypeError', 60, [2]]],
    );
    const decided = await decideParkedEvents(db, { cause: 'orders: TypeError' }, 1_000, {
      action: 'retry',
      ...by,
    });
    assert.deepEqual(decided, { decided: 60, remaining: 0 });
    const fixed = await open();
    const first = await fixed.carryOutDecisions(free);
    const second = await fixed.carryOutDecisions(free);
    assert.deepEqual([first?.events.length, second?.events.length], [150, 30]);
    assert.deepEqual(fixed.waiting(), { aggregates: 0, events: 0 });
    assert.deepEqual(await parkedRows(db), []);
    for (const [created] of histories) assert.equal(await versionOf(created!.aggregateId), 4);
  });

  it('a retry that fails again parks it again, with one attempt more and the newest cause', async () => {
    const events = orderHistory(stories.completed);
    const broken = await open(faultyProjections(new Map([[events[1]!.id, 'throws']])));
    await broken.apply(messages(events), 'first', free);
    const { id } = await onlyParked();
    await decideParkedEvent(db, id, { action: 'retry', ...by });
    const worse = await open(faultyProjections(new Map([[events[2]!.id, 'row']])));
    await worse.carryOutDecisions(free);
    const third = await onlyParked();
    assert.deepEqual(
      [third.aggregateVersion, third.attempts, third.cause, third.waiting],
      [3, 1, 'orders: numeric out of range', 1],
    );
    await decideParkedEvent(db, third.id, { action: 'retry', ...by });
    const other = await open(faultyProjections(new Map([[events[2]!.id, 'throws']])));
    await other.carryOutDecisions(free);
    const again = await onlyParked();
    assert.deepEqual([again.id, again.attempts, again.cause], [third.id, 2, 'orders: TypeError']);
    assert.deepEqual(other.waiting(), { aggregates: 1, events: 2 });
  });

  it('an event that is discarded is a gap in its order, and stays discarded when it comes again', async () => {
    const events = orderHistory(stories.completed);
    const parking = await open();
    await parking.apply(
      [message(events[0]!), message(events[1]!, '{}'), ...messages(events.slice(2))],
      'first',
      free,
    );
    const { id } = await onlyParked();
    assert.ok(await decideParkedEvent(db, id, { action: 'discard', ...by }));
    assert.equal(await decideParkedEvent(db, id, { action: 'retry', ...by }), false);
    const progress = await parking.carryOutDecisions(free);
    assert.deepEqual(progress?.heldUp, [events[0]!.aggregateId]);
    assert.deepEqual(
      progress.gaps.map(({ expected }) => expected),
      [2],
    );
    assert.deepEqual(
      (await shown(events[0]!.aggregateId))?.timeline.map(({ version }) => version),
      [1, 3, 4],
    );
    const after = await views();
    await parking.apply([message(events[1]!, '{}'), message(events[3]!)], 'second', free);
    await parking.carryOutDecisions(free);
    assert.deepEqual(
      (await parkedRows(db)).map(({ state }) => state),
      ['DISCARDED'],
    );
    assert.deepEqual([await views(), parking.waiting().aggregates], [after, 0]);
  });

  it('an edited event is applied in place of the one that came, which stays', async () => {
    const events = orderHistory(stories.completed);
    const charged = { ...events[2]!, data: { amountMinor: '4320', currency: 'EUR', providerReference: 'r' } };
    const parking = await open();
    await parking.apply(
      [...messages(events.slice(0, 2)), message(events[2]!, JSON.stringify(charged)), message(events[3]!)],
      'first',
      free,
    );
    const { id, cause } = await onlyParked();
    assert.equal(cause, 'PaymentCharged.v1: data.amountMinor');
    const found = (await findParkedEvent(db, id))!;
    const faults = (changes: object): string[] =>
      faultsOfEdit(found, JSON.stringify({ ...events[2], ...changes })).map(({ field }) => field);
    assert.deepEqual(faults({ data: { amountMinor: 1 } }), ['data.currency', 'data.providerReference']);
    assert.deepEqual(faults({ id: newId() }), ['id']);
    assert.deepEqual(faults({ aggregateId: newId(), aggregateVersion: 4 }), [
      'aggregateId',
      'aggregateVersion',
    ]);
    assert.deepEqual(faults({}), []);
    await editParkedEvent(db, id, { body: JSON.stringify(events[2]), ...by });
    await decideParkedEvent(db, id, { action: 'retry', ...by });
    await parking.carryOutDecisions(free);
    assert.equal(await versionOf(events[0]!.aggregateId), 4);
    const { rows } = await db.raw<{
      rows: { state: string; body: Buffer; edited_by: string; edited_reason: string }[];
    }>('select state, body, edited_by, edited_reason from read.parked_events');
    const [kept] = rows;
    assert.deepEqual(
      [kept?.state, JSON.parse(String(kept?.body)), kept?.edited_by, kept?.edited_reason],
      ['APPLIED', charged, by.operator, by.reason],
    );
    // The stream still says otherwise.
    await parking.apply([message(events[2]!, JSON.stringify(charged))], 'second', free);
    assert.deepEqual(parking.waiting(), { aggregates: 0, events: 0 });
  });

  it('what waits is applied by version when it comes again from a stream made anew', async () => {
    const events = orderHistory(stories.completed);
    const faults = new Map([[events[3]!.id, 'throws']] as const);
    const broken = await open(faultyProjections(faults));
    sequence = 100;
    // The third one never got into the first stream.
    await broken.apply(messages([events[0]!, events[1]!, events[3]!]), 'first', free);
    sequence = 0;
    await broken.apply(messages(events), 'second', free);
    assert.deepEqual(
      (await parkedRows(db)).map(({ version }) => version),
      [4, 1, 2, 3],
    );
    const { id } = await onlyParked();
    await decideParkedEvent(db, id, { action: 'retry', ...by });
    await (await open()).carryOutDecisions(free);
    assert.deepEqual(
      (await shown(events[0]!.aggregateId))?.timeline.map(({ version }) => version),
      [1, 2, 3, 4],
    );
  });
});
