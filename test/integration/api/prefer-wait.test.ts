import assert from 'node:assert/strict';
import { ErrorCode, type NatsError } from 'nats';
import { createCommandApp } from '../../../api/command-app.ts';
import type { SagaControl } from '../../../api/sagas/saga-control.ts';
import { notYetPlaced } from '../../../api/waiting/order-state.ts';
import { createOrderWaits, type OrderWaits } from '../../../api/waiting/order-waits.ts';
import type { OrderEvent, OrderFact } from '../../../domain/events.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createLogger } from '../../../platform/logger.ts';
import { asJson, orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { commandSettings, httpDeps, noSagas, post } from '../../support/http.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { ownNats, type OwnServer } from '../../support/own-servers.ts';
import { listProducts } from '../../support/products.ts';

const logger = createLogger('test', 'silent');
const wish = (seconds: number | string) => ({ Prefer: `wait=${seconds}` });
const order = {
  customerId: 'customer-1',
  lines: [{ sku: 'COFFEE', quantity: 1 }],
  paymentMethod: 'pm_card_visa',
};

describe('Prefer: wait', () => {
  const topology = newTopology();
  let database: TestDatabase;
  let nats: OwnServer;
  let messaging: Messaging;
  let relay: Messaging;
  let waits: OrderWaits;
  let server: HttpServer;
  let base: string;
  let queries: string[];

  const sagas: SagaControl = {
    ...noSagas,
    cancel: () => Promise.resolve({ kind: 'DONE' }),
    decideApproval: () => Promise.resolve({ kind: 'DONE' }),
  };

  before(async () => {
    database = await createTestDatabase();
    await listProducts(database.db, [{ sku: 'COFFEE', onHand: 10 }]);
    nats = await ownNats();
    messaging = await testMessaging(nats.url);
    relay = await testMessaging(nats.url);
    database.db.on('query', ({ sql }: { sql: string }) => queries.push(sql));
  });
  after(async () => {
    await messaging.close();
    await relay.close();
    await nats.remove();
    await database.drop();
  });
  beforeEach(() => serve());
  afterEach(async () => {
    waits.close();
    await server.close();
  });

  async function serve({ maxSeconds = 30, capacity = 10 } = {}): Promise<void> {
    queries = [];
    waits = createOrderWaits({ messaging, topology, logger, maxSeconds, capacity });
    const { app } = createCommandApp({
      ...httpDeps(),
      ...{ db: database.db, clock: systemClock, nudge: () => undefined, sagas, waits },
      ...commandSettings,
    });
    server = await listen(app, '127.0.0.1', 0);
    base = `http://127.0.0.1:${server.port}`;
  }

  const place = (headers: Record<string, string> = {}): Promise<Response> =>
    post(`${base}/orders`, order, headers);
  const bodyOf = async (response: Response): Promise<Record<string, unknown>> =>
    (await response.json()) as Record<string, unknown>;
  const newestOrder = async (): Promise<string | undefined> =>
    (await database.db<{ id: string }>('orders.orders').orderBy('id', 'desc').first('id'))?.id;
  /** An order that is written by now, and whose answer is waited for. */
  async function begun(
    place: () => Promise<Response>,
  ): Promise<{ answering: Promise<Response>; orderId: string }> {
    const before = await newestOrder();
    const answering = place();
    const orderId = await eventually(
      async () => {
        const newest = await newestOrder();
        return newest === before ? undefined : newest;
      },
      { what: 'an order is written' },
    );
    return { answering, orderId };
  }

  function publish(events: readonly OrderEvent[]): void {
    for (const event of events)
      relay.require().publish(topology.subjectOf(event), JSON.stringify(asJson(event)));
  }
  const happens = (orderId: string, story: readonly OrderFact[]): void => {
    publish(orderHistory(story, { orderId }));
  };
  /** Nobody listens to the events of an order any more. */
  async function assertNobodyListens(orderId: string): Promise<void> {
    await eventually(() => Promise.resolve(waits.waiting === 0 || undefined), { what: 'no wait is left' });
    await messaging.require().flush();
    const subject = topology.subjectOf({ aggregateType: 'order', aggregateId: orderId, type: 'Asked' });
    await assert.rejects(
      relay.require().request(subject, '', { timeout: 1_000 }),
      (error: NatsError) => error.code === (ErrorCode.NoResponders as string),
    );
  }
  /** As the saga would leave the row. */
  const setRow = (orderId: string, status: string, version: number, cancelReason: string | null = null) =>
    database
      .db('orders.orders')
      .where({ id: orderId })
      .update({ status, version, cancel_reason: cancelReason });

  describe('POST /orders', () => {
    it('answers 200 with the final state as soon as the order has ended, and then listens no more', async () => {
      const { answering, orderId } = await begun(() => place(wish(20)));
      happens(orderId, stories.completed);
      const answer = await answering;
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('preference-applied'), 'wait=20');
      assert.equal(answer.headers.get('location'), `/orders/${orderId}`);
      assert.deepEqual(await bodyOf(answer), { orderId, status: 'COMPLETED' });
      await assertNobodyListens(orderId);
    });

    it('a cancelled order comes with the code of the reason, also when its events come twice and late', async () => {
      const { answering, orderId } = await begun(() => place(wish(20)));
      const events = orderHistory(stories.refunded, { orderId });
      publish([...events.slice(0, 3), ...events.slice(0, 2), ...events.slice(3)]);
      const answer = await answering;
      assert.equal(answer.status, 200);
      assert.deepEqual(await bodyOf(answer), {
        orderId,
        status: 'CANCELLED',
        cancelReason: 'CANCEL_REQUESTED',
      });
    });

    it('when the time is up it answers 202 with how far the order got', async () => {
      const { answering, orderId } = await begun(() => place(wish(1)));
      happens(orderId, stories.completed.slice(0, 2));
      const answer = await answering;
      assert.equal(answer.status, 202);
      assert.equal(answer.headers.get('preference-applied'), 'wait=1');
      assert.deepEqual(await bodyOf(answer), { orderId, status: 'RESERVED' });
      await assertNobodyListens(orderId);
      assert.equal(queries.filter((sql) => sql.includes('from orders.orders o')).length, 1, 'no polling');
    });

    it('a longer wish than is allowed is cut, and the answer says so', async () => {
      await server.close();
      await serve({ maxSeconds: 1 });
      const answer = await place(wish(600));
      assert.deepEqual([answer.status, answer.headers.get('preference-applied')], [202, 'wait=1']);
    });

    for (const header of ['wait=soon', 'wait=-1', 'respond-async'])
      it(`"Prefer: ${header}" is answered at once`, async () => {
        const answer = await place({ Prefer: header });
        assert.deepEqual([answer.status, answer.headers.get('preference-applied')], [202, null]);
        assert.equal((await bodyOf(answer))['status'], 'PENDING');
      });

    it('what is published as soon as the command is given is heard', async () => {
      for (let round = 0; round < 50; round++) {
        const id = newId();
        const wait = await waits.begin(notYetPlaced(id));
        happens(id, stories.outOfStock);
        const never = new AbortController();
        await wait?.until(({ status }) => status === 'CANCELLED', 10_000, never.signal);
        assert.deepEqual(wait?.state, { id, status: 'CANCELLED', cancelReason: 'OUT_OF_STOCK', version: 2 });
        wait.stop();
      }
      assert.equal(waits.waiting, 0);
    });

    it('a repeated Idempotency-Key whose order has ended is answered at once, with one look at its row', async () => {
      const key = { 'Idempotency-Key': newId() };
      const { orderId } = await bodyOf(await place(key));
      await setRow(String(orderId), 'CANCELLED', 2, 'OUT_OF_STOCK');
      queries = [];
      const startedAt = Date.now();
      const answer = await place({ ...key, ...wish(20) });
      assert.ok(Date.now() - startedAt < 10_000);
      assert.equal(answer.status, 200);
      assert.deepEqual(await bodyOf(answer), { orderId, status: 'CANCELLED', cancelReason: 'OUT_OF_STOCK' });
      assert.equal(queries.filter((sql) => sql.includes('from orders.orders o')).length, 1);
    });

    it('one whose order has not ended waits for the first order’s end', async () => {
      const key = { 'Idempotency-Key': newId() };
      const orderId = String((await bodyOf(await place(key)))['orderId']);
      const answering = place({ ...key, ...wish(20) });
      await eventually(
        () => Promise.resolve(queries.some((sql) => sql.includes('from orders.orders o')) || undefined),
        { what: 'the order has been looked at' },
      );
      happens(orderId, stories.completed);
      assert.deepEqual(await bodyOf(await answering), { orderId, status: 'COMPLETED' });
      await assertNobodyListens(orderId);
    });

    it('a refused order frees its place', async () => {
      const unknown = { ...order, lines: [{ sku: 'NOPE', quantity: 1 }] };
      assert.equal((await post(`${base}/orders`, unknown, wish(20))).status, 422);
      assert.equal(waits.waiting, 0);
    });

    it('beyond as many as may wait, orders are accepted and answered at once', async () => {
      await server.close();
      await serve({ capacity: 1 });
      const { answering: first, orderId } = await begun(() => place(wish(20)));
      const second = await place(wish(20));
      assert.deepEqual([second.status, second.headers.get('preference-applied')], [202, null]);
      happens(orderId, stories.completed);
      assert.equal((await first).status, 200);
    });

    it('a caller who hangs up frees everything', async () => {
      const caller = new AbortController();
      const { answering, orderId } = await begun(() =>
        fetch(`${base}/orders`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...wish(30) },
          body: JSON.stringify(order),
          signal: caller.signal,
        }),
      );
      caller.abort();
      await assert.rejects(answering);
      await assertNobodyListens(orderId);
    });

    it('a process that ends answers those who wait, and lets nobody else wait', async () => {
      const { answering, orderId } = await begun(() => place(wish(30)));
      waits.close();
      const answer = await answering;
      assert.deepEqual([answer.status, await bodyOf(answer)], [202, { orderId, status: 'PENDING' }]);
      assert.equal((await place(wish(30))).headers.get('preference-applied'), null);
    });
  });

  describe('POST /orders/:id/cancel and /approval', () => {
    let orderId: string;
    const cancel = (): Promise<Response> =>
      post(`${base}/orders/${orderId}/cancel`, { reason: 'twice' }, wish(20));
    const untilItWaits = (): Promise<unknown> =>
      eventually(
        () =>
          Promise.resolve(queries.filter((sql) => sql.includes('orders.orders o')).length >= 3 || undefined),
        {
          what: 'the order has been looked at after the command',
        },
      );
    beforeEach(async () => {
      orderId = String((await bodyOf(await place()))['orderId']);
      queries = [];
    });

    it('a cancellation is answered 200 when the order is undone', async () => {
      const answering = cancel();
      await untilItWaits();
      happens(orderId, stories.refunded);
      const answer = await answering;
      assert.equal(answer.status, 200);
      assert.deepEqual(await bodyOf(answer), {
        orderId,
        cancellation: 'ACCEPTED',
        status: 'CANCELLED',
        cancelReason: 'CANCEL_REQUESTED',
      });
    });

    it('one of an order that is undone already is answered at once', async () => {
      await setRow(orderId, 'REFUNDED', 9, 'CANCEL_REQUESTED');
      const answer = await cancel();
      assert.deepEqual([answer.status, (await bodyOf(answer))['status']], [200, 'REFUNDED']);
    });

    it('one that the parcel overtook is told that it is too late', async () => {
      const answering = cancel();
      await untilItWaits();
      happens(orderId, stories.delivered);
      const answer = await answering;
      assert.equal(answer.status, 409);
      assert.match(String((await bodyOf(answer))['type']), /too-late-to-cancel/);
    });

    it('an approval is answered 200 when the order is complete', async () => {
      const decision = { decision: 'approve', reason: 'known' };
      const answering = post(`${base}/orders/${orderId}/approval`, decision, wish(20));
      await eventually(
        () =>
          Promise.resolve(queries.filter((sql) => sql.includes('orders.orders o')).length >= 2 || undefined),
        { what: 'it waits' },
      );
      happens(orderId, stories.completed);
      const answer = await answering;
      assert.equal(answer.status, 200);
      assert.deepEqual(await bodyOf(answer), { orderId, decision: 'approve', status: 'COMPLETED' });
    });
  });

  describe('without NATS', () => {
    it('an order that ended while NATS was away is told as ended when the time is up', async () => {
      const { answering, orderId } = await begun(() => place(wish(2)));
      await nats.kill();
      await setRow(orderId, 'CANCELLED', 2, 'OUT_OF_STOCK');
      const answer = await answering;
      assert.deepEqual(
        [answer.status, await bodyOf(answer)],
        [200, { orderId, status: 'CANCELLED', cancelReason: 'OUT_OF_STOCK' }],
      );
    });

    it('orders are accepted and answered at once; when it is back, callers can wait again', async () => {
      await eventually(() => Promise.resolve(messaging.current === undefined || undefined), {
        what: 'it is away',
      });
      const startedAt = Date.now();
      const answer = await place(wish(20));
      assert.deepEqual([answer.status, answer.headers.get('preference-applied')], [202, null]);
      assert.ok(Date.now() - startedAt < 5_000);

      await nats.start();
      await eventually(() => Promise.resolve(messaging.current && relay.current), { what: 'it is back' });
      const { answering, orderId } = await begun(() => place(wish(20)));
      happens(orderId, stories.completed);
      assert.equal((await answering).status, 200);
    });
  });
});
