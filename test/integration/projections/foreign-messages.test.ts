import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { eventOrNothing } from '../../../messaging/event-message.ts';
import { openHistory } from '../../../messaging/history.ts';
import { announceRelayed } from '../../../messaging/relayed.ts';
import { messageIdAt, streamState } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { findOrders } from '../../../projections/queries/orders.ts';
import { parkedEventsByCause } from '../../../projections/queries/parked-events.ts';
import { projections } from '../../../projections/projections.ts';
import { rebuild } from '../../../projections/rebuild/rebuild.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { createReadSide, type ReadSide } from '../../support/read-side.ts';
import { natsUrl } from '../../support/servers.ts';
import { appliedSequence } from '../../support/tables.ts';

const [created] = orderHistory(stories.completed);

describe('messages that others publish to the stream', function () {
  this.timeout(60_000);
  let side: ReadSide;

  beforeEach(async () => {
    side = await createReadSide();
  });
  afterEach(() => side.close());

  /** What somebody publishes, by what is wrong with it: the body, and the subject when it is not the event's own. */
  const foreign: Readonly<Record<string, { body: string | Uint8Array; subject?: string }>> = {
    'no JSON': { body: 'this is not json' },
    nothing: { body: '' },
    'no UTF-8': { body: new Uint8Array([0xff, 0x00, 0xfe]) },
    'an event behind a byte order mark': { body: `\uFEFF${JSON.stringify(created)}` },
    'JSON, and no event': { body: '[null, {"type": 1}]' },
    'of a type that is not known': { body: JSON.stringify({ ...created, type: 'OrderPainted' }) },
    'of a later version': { body: JSON.stringify({ ...created, schemaVersion: 99 }) },
    'of a time that there is not': {
      body: JSON.stringify({ ...created, occurredAt: '2026-02-31T00:00:00Z' }),
    },
    'under the subject of another order': { body: JSON.stringify({ ...created, aggregateId: newId() }) },
    'under the subject of another type': { body: JSON.stringify(orderHistory(stories.completed)[1]) },
    'under a subject that names nobody': { body: JSON.stringify(created), subject: 'orders.99.Painted' },
    'under a long subject': { body: '{}', subject: 'orders.0.OrderCreated.x.y.z' },
  };
  const publish = (body: string | Uint8Array, subject?: string): Promise<unknown> => {
    const { messaging, topology } = side;
    const prefix = topology.stream.replace(/ORDERS$/, '');
    const own = topology.subjectOf({ ...created!, aggregateId: newId() });
    return messaging
      .require()
      .jetstream()
      .publish(subject === undefined ? own : prefix + subject, body);
  };
  /** As no client would send them. */
  async function publishHeaders(headers: string): Promise<void> {
    const before = await lastSequence();
    const { hostname: host, port } = new URL(await natsUrl());
    const socket = connect({ host, port: Number(port) });
    const subject = side.topology.subjectOf({ ...created!, aggregateId: newId() });
    const sizes = `${headers.length} ${headers.length + 2}`;
    socket.write(`CONNECT {"headers":true,"verbose":false}\r\nHPUB ${subject} ${sizes}\r\n${headers}{}\r\n`);
    await eventually(async () => (await lastSequence()) > before || undefined, { what: 'it is stored' });
    socket.destroy();
  }
  const lastSequence = async (): Promise<number> =>
    (await streamState(side.messaging.require(), side.topology.stream))?.lastSequence ?? 0;

  it('are left out by every reader alike, park nothing but themselves, and do not keep anybody from the rest', async () => {
    for (const { body, subject } of Object.values(foreign)) await publish(body, subject);
    await publishHeaders('NATS/1.0 99 odd\r\nNats-Msg-Id: one\ntwo\r\n: nameless\r\nno colon\r\n\r\n');
    assert.equal(await messageIdAt(side.messaging.require(), side.topology, await lastSequence()), '');
    const events = orderHistory(stories.completed);
    await side.publish(events);
    side.startProjector();
    await side.untilApplied(await lastSequence());

    const { groups } = await parkedEventsByCause(side.db, { limit: 100 });
    const parked = groups.flatMap(({ events: ofCause }) => ofCause);
    assert.equal(parked.length, Object.keys(foreign).length + 1, JSON.stringify(groups));
    assert.equal((await findOrders(side.db, [events[0]!.aggregateId])).size, 1);

    const unreadable: number[] = [];
    const exported: (string | undefined)[] = [];
    for await (const page of await openHistory(side.messaging, side.topology, (_, at) => unreadable.push(at)))
      exported.push(...page.map((message) => eventOrNothing(side.topology, message)?.id));
    assert.deepEqual(
      exported,
      events.map(({ id }) => id),
    );
    assert.equal(unreadable.length, parked.length);
    assert.equal(await rebuild(side.deps, projections, { checkOnly: true }), true, side.told.join('\n'));
  });

  it('a schema-valid event of an absurd version, time and quantity neither stops the projector nor costs memory', async () => {
    const [placed, reserved, ...later] = orderHistory(stories.completed);
    const absurd = [
      placed!,
      { ...reserved!, aggregateVersion: 2_000_000_000 },
      { ...orderHistory(stories.completed)[0]!, aggregateVersion: Number.MAX_SAFE_INTEGER },
      { ...orderHistory(stories.completed)[0]!, occurredAt: '0000-01-01T00:00:00Z' },
      { ...orderHistory(stories.completed)[0]!, occurredAt: '0001-01-01T00:00:00Z' },
      { ...orderHistory(stories.completed)[0]!, occurredAt: '9999-12-31T23:59:59Z' },
      ...later,
    ];
    const others = orderHistory(stories.delivered);
    await side.publish([...absurd, ...others]);
    side.startProjector();
    await side.untilApplied(await lastSequence());
    const shown = await findOrders(side.db, [others[0]!.aggregateId, placed!.aggregateId]);
    assert.equal(shown.get(others[0]!.aggregateId)?.status, 'DELIVERED');
    assert.equal(shown.get(placed!.aggregateId)?.version, 2_000_000_000);
    assert.equal(await rebuild(side.deps, projections, { checkOnly: true }), true, side.told.join('\n'));
  });

  it('words on the subjects on which relays speak are passed over, and the views’ age is told on', async () => {
    const failures: unknown[] = [];
    let ignored = 0;
    let asOf: Date | undefined;
    side.startProjector({
      failed: (error) => failures.push(error),
      announcementIgnored: () => (ignored += 1),
      currentAsOf: (time) => (asOf = time ?? asOf),
    });
    const last = await side.publish(orderHistory(stories.completed));
    await side.untilApplied(last);
    await side.untilHeld();
    const connection = side.messaging.require();
    const { created: of } = (await streamState(connection, side.topology.stream))!;
    const forged = { asOf: new Date(), created: of, lastSequence: Number.MAX_SAFE_INTEGER };
    const ahead = new Date(Date.now() + 3_600_000);
    const times = [null, true, 1_800_000_000_000, '2026', '+275760-01-01T00:00:00Z', ahead];
    const untimely = times.map((time) => JSON.stringify({ ...forged, asOf: time, lastSequence: 0 }));
    for (const words of ['hello', '', '{}', ...untimely, JSON.stringify(forged)])
      for (const shard of [0, 1]) connection.publish(side.topology.relayed(shard), words);
    const told = new Date();
    await eventually(
      () => {
        for (const shard of [0, 1])
          announceRelayed(side.messaging, side.topology, shard, {
            asOf: told,
            created: of,
            lastSequence: last,
          });
        return Promise.resolve(asOf?.getTime() === told.getTime() || undefined);
      },
      { what: 'the projector tells the age of the views' },
    );
    assert.deepEqual(failures, []);
    assert.equal(ignored, 18, 'all but the forged one, of both shards');
  });

  it('events that are gone before a projector has read them do not make the views look old', async () => {
    side.startProjector();
    const first = await side.publish(orderHistory(stories.completed));
    await side.untilApplied(first);
    await side.stopProjectors();
    const last = await side.publish(orderHistory(stories.completed));
    const manager = await side.messaging.require().jetstreamManager();
    await manager.streams.purge(side.topology.stream);
    side.startProjector();
    await side.untilApplied(last);
    assert.equal(await appliedSequence(side.db), last);
    assert.ok((await manager.streams.info(side.topology.stream)).state.consumer_count <= 1);
    assert.match(
      await rebuild(side.deps, projections, { checkOnly: true }).then(String, (error: unknown) =>
        String(error),
      ),
      /false|would be missing/,
    );
  });
});
