import assert from 'node:assert/strict';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Knex } from '../../../db/connection.ts';
import { installOutbox } from '../../../db/outbox/install.ts';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { streamState, type StreamState } from '../../../messaging/stream.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { faultsOf } from '../../support/outbox-faults.ts';
import { createTestRelays, type TestRelays } from '../../support/outbox-relays.ts';
import { createAggregates, runWriters, writeEvents, writerScripts } from '../../support/outbox-writers.ts';
import { ownNats, type OwnServer } from '../../support/own-servers.ts';
import { readEvents } from '../../support/stream.ts';

const SHARDS = 2;

describe('a JetStream stream that loses what relays have published', function () {
  this.timeout(90_000);
  let database: TestDatabase;
  let db: Knex;
  let nats: OwnServer;
  let messaging: Messaging;
  let topology: Topology;
  let schema: string;
  let count = 0;
  let relays: TestRelays;
  let committed: Set<string>;

  before(async () => {
    database = await createEmptyDatabase();
    db = database.db;
    nats = await ownNats();
    messaging = await testMessaging(nats.url);
  });
  after(async () => {
    await messaging.close();
    await nats.remove();
    await database.drop();
  });
  beforeEach(() => {
    schema = `lost_${++count}`;
    topology = newTopology();
    relays = createTestRelays({ db, schema, topology, natsUrl: nats.url });
    committed = new Set();
  });
  afterEach(() => relays.stopAll());

  async function startOutbox(shards: number): Promise<void> {
    await installOutbox(db, { schema, shards });
    await createAggregates(db, schema);
    for (let shard = 0; shard < shards; shard++) await relays.start(shard);
  }

  /** Concurrent writers, a few hundred events. */
  async function runSomeWriters(shards: number): Promise<void> {
    const [scripts = []] = fc.sample(writerScripts(6), 1);
    for (const id of await runWriters(db, schema, scripts, shards)) committed.add(id);
  }
  /** Events of the one aggregate and shard, one a transaction. */
  async function write(shard: number, events: number): Promise<void> {
    for (let written = 0; written < events; written++) {
      const ids = await db.transaction((trx) => writeEvents(trx, schema, shard, 1, SHARDS));
      for (const id of ids) committed.add(id);
    }
  }

  const state = (): Promise<StreamState | undefined> => streamState(messaging.require(), topology.stream);
  const untilStored = (messages: number): Promise<true> =>
    eventually(async () => ((await state())?.lastSequence ?? 0) >= messages || undefined, {
      what: `the stream holds ${messages} messages`,
    });

  /** Each event is in the stream, none of them twice, in order. */
  async function assertWhole(): Promise<void> {
    await untilStored(committed.size);
    const events = await readEvents(messaging.require(), topology);
    assert.deepEqual(faultsOf(events, committed), []);
    assert.equal(events.length, committed.size, 'what was still there came twice');
  }

  const stored = (): string => join(nats.dir, 'jetstream');
  const copy = (): string => join(nats.dir, 'copy');
  async function copyStream(): Promise<void> {
    await nats.stop();
    await rm(copy(), { recursive: true, force: true });
    await cp(stored(), copy(), { recursive: true });
    await nats.start();
  }
  async function restoreStream(): Promise<void> {
    await nats.kill();
    await rm(stored(), { recursive: true });
    await cp(copy(), stored(), { recursive: true });
    await nats.start();
  }

  it('because it is deleted while writers append is made anew, and gets everything again', async () => {
    await startOutbox(1);
    await runSomeWriters(1);
    await untilStored(committed.size);
    const before = await state();
    const writing = runSomeWriters(1);
    await untilStored(committed.size + 10);
    const manager = await messaging.require().jetstreamManager();
    await manager.streams.delete(topology.stream);
    await writing;
    await assertWhole();
    assert.notEqual((await state())?.created, before?.created);
  });

  it('because an older copy is restored gets exactly what is missing, while writers append', async () => {
    await startOutbox(SHARDS);
    await runSomeWriters(SHARDS);
    await untilStored(committed.size);
    await copyStream();
    await runSomeWriters(SHARDS);
    await untilStored(committed.size);
    const writing = runSomeWriters(SHARDS);
    await restoreStream();
    await writing;
    await assertWhole();
    assert.ok(relays.rewinds > 0);
  });

  it('gets it again also where another relay has filled the stream up before', async () => {
    await startOutbox(SHARDS);
    for (const shard of [0, 1]) await write(shard, 5);
    await untilStored(10);
    await copyStream();
    for (const shard of [0, 1]) await write(shard, 5);
    await untilStored(20);
    await relays.stopAll();
    await restoreStream();
    await write(0, 20);
    await relays.start(0);
    // Of 40 in all, but not the 5 of the other shard that the copy does not hold.
    await untilStored(35);
    await relays.start(1);
    await assertWhole();
  });
});
