import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { headers, type StoredMsg } from 'nats';
import type { Messaging } from '../../messaging/connection.ts';
import { followOrders, orderListTable } from '../integration/outbox/retrofit/order-list.ts';
import { runRelays, shopTopology } from '../integration/outbox/retrofit/relay.ts';
import { eventually } from './eventually.ts';
import { testMessaging } from './messaging.ts';
import { createShopDatabase, type ShopDatabase } from './shop-database.ts';
import { storedMessages } from './stream.ts';

const LIST = 'order-list';

interface StoredEvent {
  readonly type: string;
  readonly aggregateId: string;
  readonly aggregateVersion: number;
}

/** The shop of docs/retrofit.md with a database and a stream of its own, and the processes that it needs. */
export interface RetrofittedShop extends Omit<ShopDatabase, 'drop'> {
  readonly messaging: Messaging;
  readonly topology: ReturnType<typeof shopTopology>;
  readonly onFailure: (error: unknown) => void;
  /** Runs a process of the shop until it is closed. */
  start(run: (signal: AbortSignal) => Promise<void>): void;
  startRelays(): void;
  startList(): Promise<void>;
  untilListed(): Promise<true>;
  /** Waits until a consumer, by default the list's, has nothing before it. */
  untilHandled(durable?: string): Promise<true>;
  /** What the stream holds, in its order. */
  events(): Promise<StoredEvent[]>;
  /** As a relay does whose cursor was lost, once the stream has forgotten the message ids. */
  repeatFirstEvents(): Promise<void>;
  /** @throws AssertionError with what a process has reported as a failure. */
  close(): Promise<void>;
}

export async function openShop(): Promise<RetrofittedShop> {
  const messaging = await testMessaging();
  const database = await createShopDatabase();
  const { db, client } = database;
  const topology = shopTopology(`test-${randomBytes(4).toString('hex')}-`);
  const started: { stop: AbortController; ended: Promise<void> }[] = [];
  const failures: unknown[] = [];
  const onFailure = (error: unknown): void => {
    failures.push(error);
  };
  const start = (run: (signal: AbortSignal) => Promise<void>): void => {
    const stop = new AbortController();
    started.push({ stop, ended: run(stop.signal) });
  };

  const stored = (): Promise<StoredMsg[]> => storedMessages(messaging.require(), topology);

  return {
    ...database,
    messaging,
    topology,
    onFailure,
    start,
    startRelays: () => {
      start((signal) => runRelays({ db, messaging, topology, onFailure }, signal));
    },
    startList: async () => {
      await client.query(orderListTable);
      start((signal) => followOrders({ db, messaging, topology, durable: LIST, onFailure }, signal));
    },
    untilListed: () =>
      eventually(
        async () => {
          assert.deepEqual((await client.query(listed)).rows, (await client.query(present)).rows);
          return true as const;
        },
        { what: 'the list shows what the table holds' },
      ),
    untilHandled: (durable = LIST) =>
      eventually(
        async () => {
          const manager = await messaging.require().jetstreamManager();
          const { num_pending, num_ack_pending } = await manager.consumers.info(topology.stream, durable);
          return num_pending + num_ack_pending === 0 || undefined;
        },
        { what: `${durable} has handled everything` },
      ),
    events: async () => (await stored()).map(eventOf),
    repeatFirstEvents: async () => {
      const jetstream = messaging.require().jetstream();
      for (const message of await stored()) {
        if (eventOf(message).aggregateVersion > 1) continue;
        const repeated = headers();
        for (const name of ['ce-type', 'ce-subject', 'ce-sequence'])
          repeated.set(name, message.header.get(name));
        await jetstream.publish(message.subject, message.data, { headers: repeated });
      }
    },
    close: async () => {
      const failed = [...failures];
      for (const { stop } of started) stop.abort();
      await Promise.all(started.map(({ ended }) => ended));
      const manager = await messaging.require().jetstreamManager();
      await manager.streams.delete(topology.stream);
      await messaging.close();
      await database.drop();
      assert.deepEqual(failed, []);
    },
  };
}

const listed = `
  select order_id, customer, total_cents, status from shop_read.order_list
  where not is_removed order by cast(order_id as integer)`;
const present = `
  select cast(id as text) as order_id, customer, total_cents, status from shop.orders order by id`;

const eventOf = ({ header }: StoredMsg): StoredEvent => ({
  type: header.get('ce-type'),
  aggregateId: header.get('ce-subject'),
  aggregateVersion: Number(header.get('ce-sequence')),
});
