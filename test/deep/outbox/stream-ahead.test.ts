import assert from 'node:assert/strict';
import { connect, type Knex } from '../../../db/connection.ts';
import { shardsAhead } from '../../../db/outbox/ahead.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import { keepPartitions } from '../../../db/outbox/partitions.ts';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { streamState } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { isCaughtUp } from '../../support/caught-up.ts';
import { createEmptyDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { copySchemaData } from '../../support/outbox-copies.ts';
import { createTestRelays, type TestRelays } from '../../support/outbox-relays.ts';
import { createAggregates, writeEvents } from '../../support/outbox-writers.ts';
import { ownPostgres, type OwnServer } from '../../support/own-servers.ts';
import { natsUrl } from '../../support/servers.ts';
import { copyPostgresFiles, restorePostgresFiles } from '../../support/set-back.ts';

const SHARDS = 2;

describe('a stream that is ahead of the database', function () {
  this.timeout(120_000);
  let server: OwnServer;
  let db: Knex;
  let messaging: Messaging;
  let topology: Topology;
  let schema: string;
  let count = 0;
  let relays: TestRelays;

  before(async () => {
    server = await ownPostgres('none');
    db = connect({ url: server.url, poolSize: 20, applicationName: 'test' });
    messaging = await testMessaging();
  });
  after(async () => {
    await messaging.close();
    await db.destroy();
    await server.remove();
  });
  beforeEach(async () => {
    schema = `ahead_${++count}`;
    topology = newTopology();
    relays = createTestRelays({ db, schema, topology, natsUrl: await natsUrl() });
    await installOutbox(db, { schema, shards: SHARDS });
    await createAggregates(db, schema);
  });
  afterEach(() => relays.stopAll().catch(() => undefined)); // a refused relay has ended with its refusal

  const startRelays = async (): Promise<void> => {
    for (let shard = 0; shard < SHARDS; shard++) await relays.start(shard);
  };
  /** Events of the aggregate and shard of that number, one a transaction. */
  async function write(shard: number, events: number, into = db): Promise<void> {
    for (let written = 0; written < events; written++)
      await into.transaction((trx) => writeEvents(trx, schema, shard, 1, SHARDS));
  }
  async function publishAll(): Promise<void> {
    await eventually(async () => (await isCaughtUp(db, schema, SHARDS)) || undefined, {
      what: 'all is published',
    });
  }
  const lastSequence = async (): Promise<number> =>
    (await streamState(messaging.require(), topology.stream))?.lastSequence ?? 0;
  const refusedShards = async (of = db): Promise<number[]> =>
    (await shardsAhead(of, { schema })).map(({ shard }) => shard);

  async function copyDatabase(): Promise<void> {
    await server.stop();
    await copyPostgresFiles(server.dir);
    await server.start();
  }
  async function setBack(): Promise<void> {
    await server.stop();
    await restorePostgresFiles(server.dir);
    await server.start();
  }

  for (const meanwhile of ['stopped', 'running'] as const) {
    it(`because an older copy of its files is back makes a relay that was ${meanwhile} stop, also when the same numbers are given out again`, async () => {
      await startRelays();
      await write(0, 5);
      await write(1, 5);
      await publishAll();
      if (meanwhile === 'stopped') await relays.stopAll();
      await copyDatabase();
      if (meanwhile === 'stopped') await startRelays();
      await write(0, 3);
      await publishAll();
      const before = await lastSequence();
      if (meanwhile === 'stopped') await relays.stopAll();

      await setBack();
      await write(0, 5);
      if (meanwhile === 'stopped') await startRelays();
      await eventually(async () => (await refusedShards()).includes(0) || undefined, {
        what: 'the relay of shard 0 says that the stream is ahead',
      });
      assert.equal(await lastSequence(), before, 'something was published');
      assert.equal(relays.rewinds, 0, 'the relay took it for a loss of the stream');
    });
  }

  it('because an older dump was restored into another database makes the relay stop', async () => {
    await startRelays();
    await write(0, 5);
    await publishAll();
    const other = await createEmptyDatabase();
    const restored = createTestRelays({ db: other.db, schema, topology, natsUrl: await natsUrl() });
    try {
      await installOutbox(other.db, { schema, shards: SHARDS });
      await createAggregates(other.db, schema);
      await copySchemaData(db, other.db, schema);
      await write(0, 2);
      await publishAll();
      const before = await lastSequence();
      await relays.stopAll();

      await write(0, 2, other.db);
      await restored.start(0);
      await eventually(async () => (await refusedShards(other.db)).includes(0) || undefined, {
        what: 'the relay says that the stream is ahead',
      });
      assert.equal(await lastSequence(), before, 'something was published');
    } finally {
      await restored.stopAll().catch(() => undefined); // it has ended with its refusal
      await other.drop();
    }
  });

  describe('is not confused with', () => {
    async function untilPublishedAgain(): Promise<void> {
      await write(0, 1);
      await publishAll();
      assert.equal(relays.refusals, 0);
      assert.deepEqual(await refusedShards(), []);
    }
    async function restartRelays(): Promise<void> {
      await relays.stopAll();
      await startRelays();
    }

    it('one to which others publish under the same subjects', async () => {
      await startRelays();
      await write(0, 2);
      await publishAll();
      const jetstream = messaging.require().jetstream();
      const subject = topology.subjectOf({
        aggregateType: 'test',
        aggregateId: 'aggregate-0',
        type: 'Foreign',
      });
      await jetstream.publish(subject, '{}', { msgID: newId() });
      await jetstream.publish(subject, 'no json');
      await restartRelays();
      await untilPublishedAgain();
    });

    it('one that got a page which the relay could not record any more', async () => {
      await startRelays();
      await write(0, 5);
      await write(1, 5);
      await publishAll();
      await relays.stopAll();
      await db.raw(
        `with pages as (delete from ??.outbox_journal)
         update ??.outbox_cursor set snapshot_from = '3:3:', snapshot_to = null, last_seq = null`,
        [schema, schema],
      );
      await startRelays();
      await untilPublishedAgain();
    });

    it('one that holds what the outbox has dropped after its retention', async () => {
      await startRelays();
      await write(0, 5);
      await publishAll();
      await relays.stopAll();
      await db.raw(`update ??.outbox set created_at = now() - interval '9 days'`, [schema]);
      await db.raw(`update ??.outbox_journal set published_at = now() - interval '9 days'`, [schema]);
      const { dropped } = await keepPartitions(db, {
        schema,
        ahead: 0,
        retentionMs: 0,
        now: new Date(Date.now() + 9 * 24 * 3_600_000),
        streamHolds: async () =>
          (await streamState(messaging.require(), topology.stream)) ?? assert.fail('there is no stream'),
      });
      assert.ok(dropped.length > 0);
      await startRelays();
      await untilPublishedAgain();
      // Nor when the journal, which says how far the stream is known, is gone.
      await relays.stopAll();
      await db.raw('delete from ??.outbox_journal', [schema]);
      await startRelays();
      await untilPublishedAgain();
    });

    it('one of which a part was published apart from its pages', async () => {
      await startRelays();
      await write(0, 3);
      await publishAll();
      await relays.stopAll();
      await db.raw(
        `insert into ??.outbox_parked (seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type, state)
         select seq, shard, id, aggregate_type, aggregate_id, aggregate_version, event_type,
           case aggregate_version when 3 then 'DISCARDED' else 'RETRY' end
         from ??.outbox`,
        [schema, schema],
      );
      const manager = await messaging.require().jetstreamManager();
      await manager.streams.purge(topology.stream);
      await startRelays();
      await untilPublishedAgain();
      await restartRelays();
      await untilPublishedAgain();
    });
  });

  it('goes on publishing once the messages that the database does not know are gone', async () => {
    await startRelays();
    await write(0, 5);
    await publishAll();
    await copyDatabase();
    await write(0, 3);
    await publishAll();
    await setBack();
    await eventually(async () => (await refusedShards()).includes(0) || undefined, { what: 'a refusal' });
    await relays.stopAll().catch(() => undefined); // ended with its refusal
    const manager = await messaging.require().jetstreamManager();
    for (const sequence of [6, 7, 8]) await manager.streams.deleteMessage(topology.stream, sequence);
    await write(0, 2);
    await startRelays();
    await publishAll();
    assert.deepEqual(await refusedShards(), []);
    await eventually(async () => (await lastSequence()) === 10 || undefined, {
      what: 'new events are there',
    });
  });
});
