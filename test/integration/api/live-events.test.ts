import assert from 'node:assert/strict';
import type { Principal } from '../../../api/auth/principal.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { asJson, orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { PRINCIPAL_HEADER, type ProblemBody } from '../../support/http.ts';
import { makeAnew, serveLiveApi, store, type LiveApi } from '../../support/live-api.ts';
import { readEvents, type EventReader, type ReceivedEvent } from '../../support/live-events.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { applyEvents } from '../../support/projections.ts';

const operator: Principal = { subject: 'ops', roles: ['operator'] };
const customer: Principal = { subject: 'maria', roles: ['customer'], customerId: 'customer-1' };

describe('live events', () => {
  let database: TestDatabase;
  let messaging: Messaging;
  let topology: Topology;
  let api: LiveApi;
  const readers: EventReader[] = [];

  before(async () => {
    database = await createTestDatabase();
    messaging = await testMessaging();
  });
  beforeEach(async () => {
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
    api = await serveLiveApi({ db: database.db, messaging, topology });
  });
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.close();
    await api.close();
    const manager = await messaging.require().jetstreamManager({ checkAPI: false });
    await eventually(
      async () =>
        (await manager.streams.info(topology.stream)).state.consumer_count === 0 ? true : undefined,
      { what: 'nobody reads the stream any more' },
    );
    await manager.streams.delete(topology.stream);
  });
  after(async () => {
    await messaging.close();
    await database.drop();
  });

  async function follow(
    path: string,
    { as = operator, lastEventId }: { as?: Principal; lastEventId?: string } = {},
  ): Promise<EventReader> {
    const reader = await readEvents(`${api.url}${path}`, {
      principal: as,
      ...(lastEventId === undefined ? {} : { lastEventId }),
    });
    readers.push(reader);
    return reader;
  }
  const pathOf = ([first]: readonly OrderEvent[]): string => `/orders/${first?.aggregateId ?? ''}/events`;
  const ask = (path: string, principal: Principal, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${api.url}${path}`, { headers: { [PRINCIPAL_HEADER]: JSON.stringify(principal), ...headers } });
  const storeAll = (events: readonly OrderEvent[]): Promise<void> => store(messaging, topology, events);

  async function shown(facts: Parameters<typeof orderHistory>[0]): Promise<OrderEvent[]> {
    const history = orderHistory(facts);
    await applyEvents(database.db, history);
    return history;
  }

  describe('of one order', () => {
    it('begin with its history and go on with what happens, each with its version as id', async () => {
      const history = await shown(stories.delivered);
      await storeAll([...history.slice(0, 4), ...orderHistory(stories.completed)]);
      const reader = await follow(pathOf(history));
      assert.equal(reader.headers['content-type'], 'text/event-stream; charset=utf-8');
      assert.equal(reader.headers['cache-control'], 'no-store');
      assert.equal(reader.headers['x-accel-buffering'], 'no');
      const past = await reader.take(4);
      await storeAll([...orderHistory(stories.completed), ...history.slice(4)]);
      const events = [...past, ...(await reader.take(3))];
      assert.deepEqual(
        events,
        history.map((event) => ({
          id: String(event.aggregateVersion),
          event: event.type,
          data: asJson(event),
        })),
      );
      assert.match(reader.asides[0] ?? '', /^retry: \d{4}$/);
    });

    for (const [stored, messagesOf] of [
      ['once', (history: OrderEvent[]) => history],
      ['each twice', (history: OrderEvent[]) => history.flatMap((event) => [event, event])],
      ['again from the beginning', (history: OrderEvent[]) => [...history, ...history]],
    ] as const)
      it(`that the stream holds ${stored}: cut after any of them, nothing is lost or repeated`, async () => {
        const history = await shown(stories.lost);
        await storeAll(messagesOf(history));
        for (let cut = 0; cut <= history.length; cut++) {
          const first = await follow(pathOf(history));
          const before = await first.take(cut);
          first.close();
          const second = await follow(pathOf(history), { lastEventId: before.at(-1)?.id ?? '' });
          const after = await second.take(history.length - cut);
          second.close();
          assert.deepEqual(
            [...before, ...after].map(({ id }) => Number(id)),
            history.map(({ aggregateVersion }) => aggregateVersion),
            `cut after ${cut}`,
          );
        }
      });

    it('are gone on with in a stream that was made anew, from any place', async () => {
      const history = await shown(stories.delivered);
      for (let cut = 0; cut < history.length; cut++) {
        await storeAll(history.slice(0, cut + 1));
        const first = await follow(pathOf(history));
        const before = await first.take(cut + 1);
        await makeAnew(messaging, topology);
        assert.deepEqual(await first.rest(), [], 'who follows the lost stream is sent away');
        await storeAll(history);
        const second = await eventually(
          async () => {
            const reader = await follow(pathOf(history), { lastEventId: before.at(-1)?.id ?? '' });
            return reader.status === 200 ? reader : undefined;
          },
          { what: 'the new stream can be followed' },
        );
        const after = await second.take(history.length - cut - 1);
        assert.deepEqual(
          [...before, ...after].map(({ id }) => Number(id)),
          history.map(({ aggregateVersion }) => aggregateVersion),
        );
        second.close();
        await makeAnew(messaging, topology);
      }
    });

    it('may begin behind an id in the address, before which the header goes', async () => {
      const history = await shown(stories.completed);
      await storeAll(history);
      const path = `${pathOf(history)}?lastEventId=2`;
      assert.equal((await (await follow(path)).next()).id, '3');
      assert.equal((await (await follow(path, { lastEventId: '3' })).next()).id, '4');
    });

    it('that was placed a moment ago are waited for', async () => {
      const history = orderHistory(stories.completed);
      await storeAll(history);
      const following = follow(pathOf(history), { as: customer });
      await applyEvents(database.db, history);
      assert.equal((await (await following).next()).event, 'OrderCreated');
    });

    it('are for its customer and operators; to others the order does not exist', async () => {
      const history = await shown(stories.completed);
      await storeAll(history);
      const path = pathOf(history);
      for (const as of [customer, operator, { subject: 'root', roles: ['admin'] } as const])
        assert.equal((await follow(path, { as })).status, 200, as.subject);
      const other = await ask(path, { ...customer, customerId: 'customer-2' });
      assert.equal(other.status, 404);
      const unknown = await ask('/orders/0199a1b2-0000-7000-8000-000000000000/events', operator);
      assert.equal(unknown.status, 404);
      assert.equal((await ask(path, { subject: 'a', roles: ['analyst'] })).status, 403);
    });

    it('tell a customer the facts of their order, and nothing of who works on it', async () => {
      const [placed, reserved, charged] = stories.completed;
      const history = await shown([
        placed,
        reserved,
        charged,
        { type: 'OrderApproved', data: { operator: 'ada', reason: 'a good customer' } },
      ]);
      await storeAll(history);
      const events = await (await follow(pathOf(history), { as: customer })).take(4);
      const text = JSON.stringify(events);
      for (const inner of ['ada', 'traceparent', 'correlationId', 'causationId', 'providerReference'])
        assert.ok(!text.includes(inner), inner);
      assert.deepEqual(events[2]?.data.data, { amountMinor: 4_320, currency: 'EUR' });
      assert.deepEqual(events[3]?.data.data, { reason: 'a good customer' });
      const inFull = await (await follow(pathOf(history))).take(4);
      assert.deepEqual(inFull[3]?.data.data, { operator: 'ada', reason: 'a good customer' });
    });

    it('take no id that was never sent', async () => {
      const history = await shown(stories.completed);
      for (const response of [
        await ask(pathOf(history), operator, { 'Last-Event-ID': 'two' }),
        await ask(`${pathOf(history)}?lastEventId=two`, operator),
      ]) {
        assert.equal(response.status, 400);
        const { errors } = (await response.json()) as ProblemBody;
        assert.match(errors?.[0]?.field ?? '', /^(Last-Event-ID|lastEventId)$/);
      }
    });

    it('are answered to HEAD with their headers alone', async () => {
      const history = await shown(stories.completed);
      const reader = await readEvents(`${api.url}${pathOf(history)}`, {
        principal: operator,
        method: 'HEAD',
      });
      assert.equal(reader.status, 200);
      assert.deepEqual(await reader.rest(), []);
    });
  });

  describe('of all orders', () => {
    const idsOf = (events: readonly ReceivedEvent[]): number[] =>
      events.map(({ id }) => Number(id.split('/')[1]));

    it('begin now, at the start, or behind the last one that was read', async () => {
      const history = orderHistory(stories.completed);
      await storeAll(history);
      const now = await follow('/events');
      const start = await follow('/events?from=start');
      await storeAll(orderHistory(stories.outOfStock));
      assert.deepEqual(idsOf(await now.take(2)), [5, 6]);
      const all = await start.take(6);
      assert.deepEqual(idsOf(all), [1, 2, 3, 4, 5, 6]);
      assert.deepEqual(all[0]?.data, asJson(history[0]!));
      const behind = await follow('/events', { lastEventId: all[3]?.id ?? '' });
      assert.deepEqual(idsOf(await behind.take(2)), [5, 6]);
      const inAddress = await follow(`/events?lastEventId=${encodeURIComponent(all[4]?.id ?? '')}`);
      assert.deepEqual(idsOf(await inAddress.take(1)), [6]);
    });

    it('can be those of one type, of the past and of what comes', async () => {
      await storeAll(orderHistory(stories.completed));
      const reader = await follow('/events?from=start&type=OrderCreated');
      assert.deepEqual(idsOf(await reader.take(1)), [1]);
      await storeAll(orderHistory(stories.delivered));
      await storeAll(orderHistory(stories.completed));
      assert.deepEqual(idsOf(await reader.take(2)), [5, 12]);
    });

    it('lose and repeat nothing while many are published and readers are cut, overtaken and come again', async () => {
      await api.close();
      // So small that a reader falls behind again and again.
      api = await serveLiveApi({ db: database.db, messaging, topology, queueCapacity: 3 });
      const total = 600;
      const jetstream = messaging.require().jetstream();
      const publish = async (): Promise<void> => {
        for (let sent = 0; sent < total; sent += 20)
          await Promise.all(
            orderHistory(
              stories.completed.slice(0, 1).flatMap((fact) => Array(20).fill(fact) as [typeof fact]),
            ).map((event) => jetstream.publish(topology.subjectOf(event), JSON.stringify(event))),
          );
      };
      const readAll = async (seed: number): Promise<number[]> => {
        const seen: ReceivedEvent[] = [];
        for (let round = 1; seen.length < total; round++) {
          const last = seen.at(-1)?.id;
          const reader = await follow('/events?from=start', last === undefined ? {} : { lastEventId: last });
          const share = 1 + ((seed * 37 * round) % 90);
          seen.push(...(await reader.take(Math.min(share, total - seen.length))));
          reader.close();
        }
        return idsOf(seen);
      };
      const [, ...seen] = await Promise.all([publish(), readAll(1), readAll(2), readAll(3)]);
      const expected = Array.from({ length: total }, (_, index) => index + 1);
      for (const ids of seen) assert.deepEqual(ids, expected);
    });

    for (const [which, replace] of [
      ['was replaced', () => makeAnew(messaging, topology)],
      ['ends before it, as after a restored backup', undefined],
    ] as const)
      it(`say so when the stream of the last id ${which}, and begin with the present one`, async () => {
        await storeAll(orderHistory(stories.completed));
        const before = await (await follow('/events?from=start')).take(4);
        await replace?.();
        const [created] = before[3]!.id.split('/');
        const lastEventId = replace ? before[3]!.id : `${created ?? ''}/4711`;
        // The new one holds more already than was read of the old one.
        if (replace) await storeAll(orderHistory(stories.delivered));
        const reader = await eventually(
          async () => {
            const candidate = await follow('/events', { lastEventId });
            return candidate.status === 200 ? candidate : undefined;
          },
          { what: 'the stream can be followed' },
        );
        const [reset, first] = await reader.take(2);
        assert.equal(reset?.event, 'reset');
        assert.equal(first?.event, 'OrderCreated');
        assert.deepEqual(idsOf([reset, first]), [0, 1]);
        const again = await follow('/events', { lastEventId: reset.id });
        assert.equal(
          (await again.next()).event,
          'OrderCreated',
          'from the reset’s id on there is no other one',
        );
      });

    it('are read for nobody once the last reader has left', async () => {
      const reader = await follow('/events');
      reader.close();
      const manager = await messaging.require().jetstreamManager({ checkAPI: false });
      await eventually(
        async () => {
          const { state } = await manager.streams.info(topology.stream);
          return state.consumer_count === 0 && api.responses.length === 0 ? true : undefined;
        },
        { what: 'no consumer is left' },
      );
    });

    it('are not for customers', async () => {
      assert.equal((await ask('/events', customer)).status, 403);
    });

    it('take no type and no id that there is not', async () => {
      for (const query of ['type=OrderEaten', 'lastEventId=7', 'from=yesterday']) {
        const response = await ask(`/events?${query}`, operator);
        assert.equal(response.status, 400, query);
        const { errors } = (await response.json()) as ProblemBody;
        assert.equal(errors?.[0]?.field, query.split('=')[0]);
      }
    });

    it('pass over what is no event, and go on', async () => {
      const reader = await follow('/events');
      await messaging
        .require()
        .jetstream()
        .publish(topology.eventsOf(newId()).replace('*', 'OrderCreated'), '{');
      await storeAll(orderHistory(stories.outOfStock));
      assert.deepEqual(idsOf(await reader.take(2)), [2, 3]);
    });
  });
});
