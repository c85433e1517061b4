import assert from 'node:assert/strict';
import { appendEvents } from '../../../db/event-store.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import { OUTBOX_SHARDS } from '../../../domain/topology.ts';
import type { Projection } from '../../../projections/kit/projection.ts';
import { projections } from '../../../projections/projections.ts';
import { rebuild } from '../../../projections/rebuild/rebuild.ts';
import { sales } from '../../../projections/sales.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { eventually } from '../../support/eventually.ts';
import { createTestRelays, type TestRelays } from '../../support/outbox-relays.ts';
import { createReadSide, readTables, type ReadSide } from '../../support/read-side.ts';
import { natsUrl } from '../../support/servers.ts';

describe('the source of a rebuild', () => {
  let side: ReadSide;
  let relays: TestRelays;
  beforeEach(async () => {
    side = await createReadSide();
    const { db, topology } = side;
    relays = createTestRelays({ db, schema: 'messaging', topology, natsUrl: await natsUrl() });
  });
  afterEach(async () => {
    await relays.stopAll();
    await side.close();
  });

  const write = async (events: readonly OrderEvent[]): Promise<void> => {
    for (const event of events) await side.db.transaction((trx) => appendEvents(trx, [event]));
  };
  /** Has everything relayed and applied. */
  async function settle(): Promise<void> {
    for (let shard = 0; shard < OUTBOX_SHARDS; shard++) await relays.start(shard);
    side.startProjector();
    await eventually(async () => (await isCaughtUp(side.db, 'messaging', OUTBOX_SHARDS)) || undefined, {
      what: 'all is relayed',
    });
    const manager = await side.messaging.require().jetstreamManager();
    const { state } = await manager.streams.info(side.topology.stream);
    await side.untilApplied(state.last_seq);
  }
  async function purge(keptFrom: number): Promise<void> {
    const manager = await side.messaging.require().jetstreamManager();
    await manager.streams.purge(side.topology.stream, { seq: keptFrom });
  }
  /** A stream that has lost all but its newest messages, after 12 orders of which one event was discarded. */
  async function withoutBeginning(): Promise<void> {
    const all = Array.from({ length: 12 }, (_, index) =>
      orderHistory(Object.values(stories)[index % 5] ?? []),
    );
    const mixed = Array.from({ length: 9 }, (_, step) =>
      all.flatMap((events) => events.slice(step, step + 1)),
    ).flat();
    await write(mixed);
    await side.db.raw(
      `insert into messaging.outbox_parked
        (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state)
      select seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, 'DISCARDED'
      from messaging.outbox where event_type = 'InventoryReserved' limit 1`,
    );
    await settle();
    await purge(mixed.length - 20);
  }

  it('is the outbox for what the stream no longer holds, without what was discarded, then the stream', async () => {
    await withoutBeginning();
    const before = await readTables(side.db);
    // Committed and not relayed: neither in the live tables nor in those that are built.
    await relays.stopAll();
    await write(orderHistory(stories.completed));
    assert.equal(await rebuild(side.deps, projections), true, side.told.join('\n'));
    assert.match(side.told[0] ?? '', /building from the outbox, then the stream/);
    assert.deepEqual(await readTables(side.db), before);
  });

  it('without the beginning refuses and changes nothing, unless told to go on', async () => {
    await withoutBeginning();
    const before = await readTables(side.db);
    await side.db.raw(`
      delete from messaging.outbox where seq < 20;
      insert into messaging.outbox_dropped values ('outbox_20260101', '2026-01-02', now())`);
    await assert.rejects(
      rebuild(side.deps, projections),
      /orders: in order_summary \d+ live rows would be missing .*stream .* begins with message \d+ .*, and the outbox holds nothing from before 2026-01-02.*--incomplete/,
    );
    assert.deepEqual(await readTables(side.db), before);
    const raised: Projection = { ...sales, name: 'sales-by-hour' };
    await assert.rejects(
      rebuild(side.deps, [raised]),
      /sales-by-hour: it is not live yet, .* of \d+ at least the beginning is/,
    );
    assert.equal(await rebuild(side.deps, projections, { incomplete: true }), false);
    const after = await readTables(side.db);
    assert.ok(after['read.order_summary']!.length < before['read.order_summary']!.length);
    assert.ok(after['read.order_summary']!.every((row) => before['read.order_summary']!.includes(row)));
    // Nothing more is lost by the next one.
    assert.equal(await rebuild(side.deps, projections), true);
  });

  it('is the stream again where the outbox has dropped only what that stream holds', async () => {
    await write(orderHistory(stories.completed));
    await settle();
    await side.db.raw(`
      delete from messaging.outbox;
      insert into messaging.outbox_dropped values ('outbox_20260101', '2026-01-02', now())`);
    assert.equal(await rebuild(side.deps, projections), true);
    assert.match(side.told[0] ?? '', /building from the stream/);
  });

  it('is not another stream than the live tables were made from', async () => {
    await write(orderHistory(stories.completed));
    await settle();
    await side.stopProjectors();
    await side.db.raw("update read.checkpoints set stream_created = '2020-01-01T00:00:00Z'");
    await assert.rejects(rebuild(side.deps, [sales]), /was created anew at .* let a projector run/);
  });
});
