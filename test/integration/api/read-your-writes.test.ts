import assert from 'node:assert/strict';
import { createCommandApp } from '../../../api/command-app.ts';
import type { Principal } from '../../../api/auth/principal.ts';
import { createQueryApp } from '../../../api/query-app.ts';
import { readPointsOf, readTokenOf } from '../../../api/reading/read-token.ts';
import { createViewWatch, type ViewWatch } from '../../../api/reading/view-watch.ts';
import type { SagaControl } from '../../../api/sagas/saga-control.ts';
import type { Knex } from '../../../db/connection.ts';
import type { DomainEvent } from '../../../domain/events.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { applyEvents } from '../../support/projections.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import {
  commandSettings,
  httpDeps,
  noSagas,
  post,
  PRINCIPAL_HEADER,
  principalOfHeader,
  type ProblemBody,
} from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';

const operator: Principal = { subject: 'op', roles: ['operator'] };
const customer = (customerId: string): Principal => ({
  subject: customerId,
  roles: ['customer'],
  customerId,
});
const as = (principal: Principal) => ({ [PRINCIPAL_HEADER]: JSON.stringify(principal) });
const SHORT_MS = 100;

describe('read your writes', () => {
  let database: TestDatabase;
  let db: Knex;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    await listProducts(db, [{ sku: 'COFFEE', onHand: 10 }]);
  });
  after(() => database.drop());

  const apply = (events: readonly DomainEvent[]): Promise<unknown> => applyEvents(db, events);

  describe('the token that a command answers', () => {
    let server: HttpServer;
    let base: string;
    /** What the saga does before it answers. */
    let act: () => Promise<unknown> = () => Promise.resolve();
    const answer = async (): Promise<{ kind: 'DONE' }> => {
      await act();
      return { kind: 'DONE' };
    };
    const sagas: SagaControl = { ...noSagas, cancel: answer, decideApproval: answer, resolve: answer };

    before(async () => {
      const { app } = createCommandApp({
        ...httpDeps(),
        ...{ db, clock: systemClock, nudge: () => undefined, sagas },
        ...commandSettings,
      });
      server = await listen(app, '127.0.0.1', 0);
      base = `http://127.0.0.1:${server.port}`;
    });
    after(() => server.close());

    const order = { lines: [{ sku: 'COFFEE', quantity: 1 }], paymentMethod: 'pm_card_visa' };
    const place = (headers: Record<string, string> = {}): Promise<Response> =>
      post(`${base}/orders`, order, headers);
    const pointOf = (response: Response): unknown =>
      readPointsOf(response.headers.get('read-token') ?? '')[0];
    const setVersion = (id: string, version: number): Promise<unknown> =>
      db('orders.orders').where({ id }).update({ version });
    const placed = async (): Promise<string> =>
      ((await (await place()).json()) as { orderId: string }).orderId;

    it('stands for a new order with its first event', async () => {
      const response = await place();
      const { orderId } = (await response.json()) as { orderId: string };
      assert.deepEqual(pointOf(response), { orderId, version: 1 });
    });

    it('stands for the order as it is by then when it had been placed before', async () => {
      const headers = { 'Idempotency-Key': 'again' };
      const { orderId } = (await (await place(headers)).json()) as { orderId: string };
      await setVersion(orderId, 3);
      assert.deepEqual(pointOf(await place(headers)), { orderId, version: 3 });
    });

    const commands: Record<string, (orderId: string) => Promise<Response>> = {
      'a cancellation': (id) => post(`${base}/orders/${id}/cancel`, { reason: 'because' }),
      'a decision about approval': (id) =>
        post(`${base}/orders/${id}/approval`, { decision: 'approve', reason: 'because' }),
      'a decision about a stuck saga': (id) =>
        post(`${base}/operations/sagas/order-${id}/resolve`, { action: 'retry', reason: 'because' }),
    };
    for (const [name, command] of Object.entries(commands))
      it(`of ${name} stands for what its saga had done when it was answered`, async () => {
        const orderId = await placed();
        act = () => setVersion(orderId, 5);
        const response = await command(orderId);
        assert.ok(response.ok);
        assert.deepEqual(pointOf(response), { orderId, version: 5 });
      });
  });

  describe('a query that carries it', () => {
    let watch: ViewWatch;
    let server: HttpServer;
    let api: string;

    async function serve(capacity = 500): Promise<void> {
      watch = createViewWatch({ db, capacity });
      const app = createQueryApp({
        ...httpDeps(),
        authenticate: principalOfHeader,
        ...{ db, clock: systemClock, watch, freshOrderWaitMs: SHORT_MS },
        ui: { url: 'http://127.0.0.1:8233', namespace: 'default' },
        tokenWaits: { ms: SHORT_MS, maxSeconds: 20 },
      });
      server = await listen(app, '127.0.0.1', 0);
      api = `http://127.0.0.1:${server.port}`;
    }
    beforeEach(() => serve());
    afterEach(async () => {
      watch.close();
      await server.close();
    });

    const ask = (
      path: string,
      token: string,
      { who = operator, ...headers }: { who?: Principal } & Record<string, unknown> = {},
    ): Promise<Response> =>
      fetch(api + path, {
        headers: { ...as(who), 'Read-Token': token, ...(headers as Record<string, string>) },
      });
    const untilWaiting = (count: number): Promise<true> =>
      eventually(() => Promise.resolve(watch.waiting === count || undefined), { what: `${count} wait` });
    const LONG = { Prefer: 'wait=20' };

    it('is answered when the views have got there, be it an order, a list or figures', async () => {
      const orderId = newId();
      const history = orderHistory(stories.completed, { orderId, startedAt: '2026-05-01T10:00:00.000Z' });
      await apply(history.slice(0, 1));
      const token = readTokenOf({ orderId, version: history.length });
      const answers = Promise.all(
        [
          `/orders/${orderId}`,
          '/orders?limit=1&status=COMPLETED',
          '/analytics/sales?from=2026-05-01&to=2026-05-01',
        ].map(async (path) => {
          const response = await ask(path, token, LONG);
          assert.equal(response.headers.get('preference-applied'), 'wait=20');
          return [response.status, await response.text()] as const;
        }),
      );
      await untilWaiting(3);
      await apply(history.slice(1));
      const [order, list, sales] = await answers;
      for (const [status] of [order, list, sales].filter((one) => one !== undefined))
        assert.equal(status, 200);
      assert.match(order?.[1] ?? '', /"status":"COMPLETED"/);
      assert.match(list?.[1] ?? '', new RegExp(orderId));
      assert.match(sales?.[1] ?? '', /"completed":1/);
    });

    it('is answered 202, and not with what is old, when they do not get there in time', async () => {
      const orderId = newId();
      await apply(orderHistory(stories.completed, { orderId }).slice(0, 2));
      const startedAt = performance.now();
      const response = await ask(`/orders/${orderId}`, readTokenOf({ orderId, version: 3 }));
      assert.ok(performance.now() - startedAt >= SHORT_MS - 1, 'it waited');
      assert.equal(response.status, 202);
      assert.equal(response.headers.get('retry-after'), '1');
      assert.equal(response.headers.get('cache-control'), 'no-store');
      assert.equal(response.headers.get('etag'), null);
      assert.equal(((await response.json()) as { status: string }).status, 'not yet');
      const conditional = await ask(`/orders/${orderId}`, readTokenOf({ orderId, version: 3 }), {
        'If-None-Match': '*',
      });
      assert.equal(conditional.status, 202);
    });

    it('waits for all of several tokens', async () => {
      const [there, missing] = [newId(), newId()];
      await apply(orderHistory(stories.outOfStock, { orderId: there }));
      const tokens = [
        readTokenOf({ orderId: there, version: 2 }),
        readTokenOf({ orderId: missing, version: 1 }),
      ];
      assert.equal((await ask('/products', tokens[0] ?? '')).status, 200);
      assert.equal((await ask('/products', tokens.join(', '))).status, 202);
    });

    it('is refused with the name of the header when the token is none', async () => {
      const response = await ask('/products', 'nonsense');
      assert.equal(response.status, 400);
      const { errors } = (await response.json()) as ProblemBody;
      assert.deepEqual(
        errors?.map(({ field }) => field),
        ['Read-Token'],
      );
    });

    it('tells a customer as much about another’s order as about one that is not there', async () => {
      const orderId = newId();
      await apply(orderHistory(stories.outOfStock, { orderId }));
      const about = async (who: Principal, id: string) => {
        const response = await ask('/products', readTokenOf({ orderId: id, version: 1 }), { who });
        return { status: response.status, body: await response.text() };
      };
      assert.equal((await about(customer('customer-1'), orderId)).status, 200, 'of their own it is reached');
      const startedAt = performance.now();
      const anothers = await about(customer('customer-2'), orderId);
      assert.ok(performance.now() - startedAt >= SHORT_MS - 1, 'after the same time');
      assert.deepEqual(anothers, await about(customer('customer-2'), newId()));
      assert.equal(anothers.status, 202);
    });

    it('makes a customer wait for another’s fresh order as for one that is not there', async () => {
      const orderId = newId();
      await apply(orderHistory(stories.outOfStock, { orderId }));
      for (const id of [newId(), orderId]) {
        const startedAt = performance.now();
        const response = await fetch(`${api}/orders/${id}`, { headers: as(customer('customer-2')) });
        assert.equal(response.status, 404);
        assert.ok(performance.now() - startedAt >= SHORT_MS - 1, 'it waited');
      }
    });

    it('costs the database one look for all that wait', async () => {
      const orderIds = Array.from({ length: 60 }, newId);
      const answers = Promise.all(
        orderIds.map((orderId) => ask('/products', readTokenOf({ orderId, version: 1 }), LONG)),
      );
      await untilWaiting(60);
      let looks = 0;
      const count = ({ sql }: { sql: string }): void => {
        if (sql.includes('order_summary')) looks += 1;
      };
      const startedAt = performance.now();
      db.on('query', count);
      await eventually(() => Promise.resolve(looks >= 4 || undefined), { what: 'some looks were taken' });
      const most = 2 + (performance.now() - startedAt) / 25;
      db.removeListener('query', count);
      assert.ok(looks <= most, `${looks} looks where ${most} would do`);
      await apply(orderIds.flatMap((orderId) => orderHistory([stories.completed[0]], { orderId })));
      assert.ok((await answers).every(({ status }) => status === 200));
    });

    it('beyond what may wait is looked at once', async () => {
      await server.close();
      await serve(1);
      const [orderId, missing] = [newId(), newId()];
      await apply(orderHistory(stories.outOfStock, { orderId }));
      const waiting = ask('/products', readTokenOf({ orderId: missing, version: 1 }), LONG);
      await untilWaiting(1);
      assert.equal((await ask('/products', readTokenOf({ orderId, version: 1 }), LONG)).status, 200);
      assert.equal((await ask('/products', readTokenOf({ orderId, version: 9 }), LONG)).status, 202);
      const closedAt = performance.now();
      watch.close();
      assert.equal((await waiting).status, 202, 'and when the process ends nobody waits on');
      assert.ok(performance.now() - closedAt < 10_000);
    });

    it('whose caller hangs up waits no longer', async () => {
      const hungUp = new AbortController();
      const asked = fetch(`${api}/products`, {
        headers: { ...as(operator), ...LONG, 'Read-Token': readTokenOf({ orderId: newId(), version: 1 }) },
        signal: hungUp.signal,
      });
      await untilWaiting(1);
      hungUp.abort();
      await assert.rejects(asked);
      await untilWaiting(0);
    });
  });
});
