import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { headers, type StoredMsg } from 'nats';
import { Client } from 'pg';
import type { Knex } from '../../../db/connection.ts';
import { backlogOf } from '../../../db/outbox/index.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { versionsByAggregate } from '../../support/memory-stream.ts';
import { testMessaging } from '../../support/messaging.ts';
import { capture, importOrders } from './retrofit/captured.ts';
import { install, outbox, SHARDS } from './retrofit/install.ts';
import * as legacy from './retrofit/legacy.ts';
import { followOrders, orderListTable } from './retrofit/order-list.ts';
import { runRelays, shopTopology } from './retrofit/relay.ts';
import * as wrapped from './retrofit/wrapped.ts';

const DURABLE = 'order-list';

/** The application after the step "let writes tell", in one of its two ways. */
interface Way {
  readonly begin: (db: Knex) => Promise<void>;
  readonly placeOrder: (
    deps: { db: Knex; client: Client },
    customer: string,
    cents: number,
  ) => Promise<string>;
  readonly payOrder: (client: Client, id: string) => Promise<void>;
  readonly removeOrder?: (client: Client, id: string) => Promise<void>;
  /** Types of the events that this test's changes make. */
  readonly expected: readonly string[];
}

const ways: Readonly<Record<string, Way>> = {
  'with its writes wrapped': {
    begin: () => Promise.resolve(),
    placeOrder: ({ db }, customer, cents) => wrapped.placeOrder(db, customer, cents),
    payOrder: wrapped.payOrder,
    expected: ['OrderPaid', 'OrderPlaced', 'OrderPaid'],
  },
  'with its code unchanged and its table captured': {
    begin: capture,
    placeOrder: ({ client }, customer, cents) => legacy.placeOrder(client, customer, cents),
    payOrder: legacy.payOrder,
    removeOrder: legacy.removeOrder,
    expected: ['OrderChanged', 'OrderPlaced', 'OrderChanged', 'OrderRemoved'],
  },
};

// The files of ./retrofit are those that docs/retrofit.md quotes.
describe('retrofitting a legacy application', () => {
  let messaging: Messaging;
  let database: TestDatabase;
  let client: Client;
  let topology: ReturnType<typeof shopTopology>;
  const stopping: { stop: AbortController; ended: Promise<void> }[] = [];

  before(async () => {
    messaging = await testMessaging();
  });
  after(() => messaging.close());
  beforeEach(async () => {
    database = await createEmptyDatabase();
    client = new Client({ connectionString: database.url });
    await client.connect();
    await client.query(legacy.legacySchema);
    topology = shopTopology(`test-${randomBytes(4).toString('hex')}-`);
  });
  afterEach(async () => {
    for (const { stop, ended } of stopping.splice(0)) {
      stop.abort();
      await ended;
    }
    const manager = await messaging.require().jetstreamManager();
    await manager.streams.delete(topology.stream);
    await client.end();
    await database.drop();
  });

  function start(run: (signal: AbortSignal) => Promise<void>): void {
    const stop = new AbortController();
    stopping.push({ stop, ended: run(stop.signal) });
  }

  const onFailure = (error: unknown): void => {
    throw error;
  };
  const listed = async (): Promise<unknown> =>
    (
      await client.query(`
        select order_id, customer, total_cents, status from shop_read.order_list
        where not is_removed order by cast(order_id as integer)`)
    ).rows;
  const present = async (): Promise<unknown> =>
    (
      await client.query(`
        select cast(id as text) as order_id, customer, total_cents, status from shop.orders order by id`)
    ).rows;
  const untilListed = (): Promise<true> =>
    eventually(
      async () => {
        assert.deepEqual(await listed(), await present());
        return true as const;
      },
      { what: 'the list shows what the table holds' },
    );
  const untilHandled = (): Promise<true> =>
    eventually(
      async () => {
        const manager = await messaging.require().jetstreamManager();
        const { num_pending, num_ack_pending } = await manager.consumers.info(topology.stream, DURABLE);
        return num_pending + num_ack_pending === 0 || undefined;
      },
      { what: 'the list has handled everything' },
    );

  /** What the stream holds, in its order. */
  async function stored(): Promise<StoredMsg[]> {
    const manager = await messaging.require().jetstreamManager();
    const { state } = await manager.streams.info(topology.stream);
    const sequences = Array.from({ length: state.messages }, (_, index) => index + 1);
    return Promise.all(sequences.map((seq) => manager.streams.getMessage(topology.stream, { seq })));
  }
  const eventOf = ({
    header,
  }: StoredMsg): { type: string; aggregateId: string; aggregateVersion: number } => ({
    type: header.get('ce-type'),
    aggregateId: header.get('ce-subject'),
    aggregateVersion: Number(header.get('ce-sequence')),
  });

  /** As a relay does whose cursor was lost, once the stream has forgotten the message ids. */
  async function repeatFirstEvents(): Promise<void> {
    const jetstream = messaging.require().jetstream();
    for (const message of await stored()) {
      if (eventOf(message).aggregateVersion > 1) continue;
      const repeated = headers();
      for (const name of ['ce-type', 'ce-subject', 'ce-sequence'])
        repeated.set(name, message.header.get(name));
      await jetstream.publish(message.subject, message.data, { headers: repeated });
    }
  }

  for (const [name, way] of Object.entries(ways)) {
    it(`${name}: old orders and new changes are published in order, and the list shows them`, async () => {
      const { db } = database;
      await install(db);
      await way.begin(db);
      await way.payOrder(client, '2');
      assert.equal(await importOrders(db), 2, 'the order that has an event already needs no other');
      start((signal) => runRelays({ db, messaging, topology, onFailure }, signal));
      await client.query(orderListTable);
      start((signal) => followOrders({ db, messaging, topology, durable: DURABLE, onFailure }, signal));
      await untilListed();

      const id = await way.placeOrder({ db, client }, 'Edsger', 500);
      await way.payOrder(client, id);
      await way.payOrder(client, id);
      await client.query("update shop.orders set internal_note = 'called back'");
      await way.removeOrder?.(client, '3');
      await untilListed();

      await eventually(
        async () => {
          for (let shard = 0; shard < SHARDS; shard++)
            if ((await backlogOf(db, { ...outbox, shard })).rows > 0) return undefined;
          return true;
        },
        { what: 'everything is published' },
      );
      const events = (await stored()).map(eventOf);
      for (const versions of versionsByAggregate(events).values())
        assert.deepEqual(
          versions,
          versions.map((_, index) => index + 1),
        );
      assert.deepEqual(
        events.map(({ type }) => type).sort(),
        ['LegacyOrderImported', 'LegacyOrderImported', ...way.expected].sort(),
      );

      await repeatFirstEvents();
      await untilHandled();
      assert.deepEqual(await listed(), await present(), 'a late repeat changes nothing');
    });
  }
});
