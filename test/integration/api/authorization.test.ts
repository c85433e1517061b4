import assert from 'node:assert/strict';
import { createTokenAuthenticator } from '../../../api/auth/token-authenticator.ts';
import { createCommandApp } from '../../../api/command-app.ts';
import { createQueryApp } from '../../../api/query-app.ts';
import type { Knex } from '../../../db/connection.ts';
import { systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { commandSettings, httpDeps, noSagas, post, type ProblemBody } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';
import { contentsOf } from '../../support/tables.ts';
import { audience, bearer, issuer, sign, signingKey } from '../../support/tokens.ts';
import { applyEvents } from '../../support/projections.ts';

/** Whom the tests send, by what their tokens say. */
const people = {
  anna: { sub: 'anna', roles: ['customer'], customer_id: 'customer-anna' },
  bert: { sub: 'bert', roles: ['customer'], customer_id: 'customer-bert' },
  /** A customer whom the identity provider gave no number. */
  carl: { sub: 'carl', roles: ['customer'], customer_id: undefined },
  maria: { sub: 'maria', roles: ['operator'], customer_id: undefined },
  otto: { sub: 'otto', roles: ['admin'], customer_id: undefined },
  /** Also a customer of the shop, but without that role. */
  ann: { sub: 'ann', roles: ['analyst'], customer_id: 'customer-anna' },
  nobody: { sub: 'nobody', roles: ['visitor'], customer_id: 'customer-anna' },
} as const;
type Person = keyof typeof people;

const key = signingKey();
const order = { lines: [{ sku: 'COFFEE', quantity: 1 }], paymentMethod: 'pm_card_visa' };

describe('who may do what', () => {
  let database: TestDatabase;
  let db: Knex;
  const servers: HttpServer[] = [];
  let commands: string;
  let queries: string;
  const tokens = new Map<Person, string>();

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    await listProducts(db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 1_000 }]);
    for (const [person, claims] of Object.entries(people))
      tokens.set(person as Person, await sign(key, claims));
    const deps = {
      db,
      clock: systemClock,
      authenticate: createTokenAuthenticator({
        issuer,
        audience,
        keys: key.publicKey,
        algorithms: ['ES256'],
        clockToleranceS: 5,
        clock: systemClock,
      }),
    };
    const { app } = createCommandApp({
      ...httpDeps(),
      ...deps,
      nudge: () => undefined,
      sagas: noSagas,
      ...commandSettings,
    });
    const ui = { url: 'http://127.0.0.1:8233', namespace: 'default' };
    for (const each of [app, createQueryApp({ ...httpDeps(), ...deps, ui, freshOrderWaitMs: 0 })])
      servers.push(await listen(each, '127.0.0.1', 0));
    [commands, queries] = servers.map(({ port }) => `http://127.0.0.1:${port}`) as [string, string];
  });
  after(async () => {
    for (const server of servers) await server.close();
    await database.drop();
  });

  const as = (person: Person): Record<string, string> => bearer(tokens.get(person) ?? '');
  const send = (person: Person, path: string, body: unknown): Promise<Response> =>
    post(commands + path, body, as(person));
  const get = (person: Person, path: string): Promise<Response> =>
    fetch(queries + path, { headers: as(person) });
  const problemOf = async (response: Response, status: number): Promise<ProblemBody> => {
    const body = (await response.json()) as ProblemBody;
    assert.equal(response.status, status, JSON.stringify(body));
    return body;
  };
  const placed = async (person: Person, body: object = order): Promise<string> => {
    const response = await send(person, '/orders', body);
    assert.equal(response.status, 202, await response.clone().text());
    return ((await response.json()) as { orderId: string }).orderId;
  };
  /** An order in the views. */
  async function shown(customerId: string): Promise<string> {
    const [created, ...rest] = stories.completed;
    const events = orderHistory([{ ...created, data: { ...created.data, customerId } }, ...rest]);
    await applyEvents(db, events);
    return events[0]!.aggregateId;
  }
  const customerOf = async (orderId: string): Promise<unknown> =>
    (await db('orders.orders').where({ id: orderId }).first<{ customer_id: string }>()).customer_id;

  describe('without a token that is good', () => {
    const everywhere = (headers: Record<string, string>): Promise<Response[]> =>
      Promise.all([
        fetch(`${queries}/orders`, { headers }),
        fetch(`${queries}/products`, { headers }),
        fetch(`${commands}/operations/outbox`, { headers }),
        post(`${commands}/orders`, order, headers),
        // Refused before the body is read: not even a syntax error is looked at.
        fetch(`${commands}/orders`, {
          method: 'POST',
          body: '{',
          headers: { ...headers, 'content-type': 'application/json' },
        }),
      ]);

    it('every route says 401 and how to come in, and nothing is written', async () => {
      const before = await contentsOf(db);
      for (const response of await everywhere({})) {
        assert.equal(response.headers.get('www-authenticate'), 'Bearer');
        const { type, detail } = await problemOf(response, 401);
        assert.equal(type, 'urn:durable-orders:problem:unauthenticated');
        assert.match(detail ?? '', /Authorization: Bearer <token>/);
      }
      assert.deepEqual(await contentsOf(db), before);
    });

    it('a bad one is called that, with what is wrong with it', async () => {
      const before = await contentsOf(db);
      for (const response of await everywhere(bearer(await sign(signingKey(), people.otto)))) {
        assert.equal(response.headers.get('www-authenticate'), 'Bearer error="invalid_token"');
        assert.match((await problemOf(response, 401)).detail ?? '', /signature is not good/);
      }
      assert.deepEqual(await contentsOf(db), before);
    });

    it('health, readiness and metrics are answered: what watches the process has none', async () => {
      for (const base of [commands, queries])
        for (const path of ['/healthz', '/readyz', '/metrics'])
          assert.equal((await fetch(base + path)).status, 200);
    });
  });

  describe('a customer', () => {
    it('orders for themselves, with or without saying so', async () => {
      assert.equal(await customerOf(await placed('anna')), 'customer-anna');
      const named = await placed('anna', { ...order, customerId: 'customer-anna' });
      assert.equal(await customerOf(named), 'customer-anna');
    });

    it('cannot order for somebody else, and nothing is written', async () => {
      const before = await contentsOf(db);
      const response = await send('anna', '/orders', { ...order, customerId: 'customer-bert' });
      assert.match((await problemOf(response, 403)).detail ?? '', /customerId: only an operator/);
      assert.deepEqual(await contentsOf(db), before);
    });

    it('cannot slip in who they are, what they may, or what became of the order', async () => {
      const before = await contentsOf(db);
      for (const field of [
        'subject',
        'sub',
        'roles',
        'role',
        'operator',
        'status',
        'orderId',
        'id',
        'total',
        '__proto__',
      ]) {
        const body = JSON.stringify({ ...order }).replace('{', `{"${field}":"admin",`);
        const response = await fetch(`${commands}/orders`, {
          method: 'POST',
          headers: { ...as('anna'), 'content-type': 'application/json' },
          body,
        });
        const { errors } = await problemOf(response, 400);
        assert.deepEqual(errors, [{ field, message: 'is not a known field; remove it' }]);
      }
      assert.deepEqual(await contentsOf(db), before);
    });

    it('sees their own order, and no trace that another’s exists', async () => {
      const own = await shown('customer-anna');
      assert.equal((await get('anna', `/orders/${own}`)).status, 200);
      assert.equal((await get('anna', `/orders/${own}/cancellation`)).status, 200);
      for (const path of ['', '/cancellation']) {
        const hidden = await problemOf(await get('bert', `/orders/${own}${path}`), 404);
        const missing = await problemOf(await get('bert', `/orders/${own.slice(0, -4)}0000${path}`), 404);
        assert.deepEqual(
          { ...hidden, traceId: '', detail: hidden.detail?.replace(/\S+$/, '') },
          { ...missing, traceId: '', detail: missing.detail?.replace(/\S+$/, '') },
        );
      }
    });

    it('cannot cancel another’s order, which does not exist for them', async () => {
      const own = await placed('anna');
      const { type } = await problemOf(await send('bert', `/orders/${own}/cancel`, { reason: 'mine' }), 404);
      assert.equal(type, 'urn:durable-orders:problem:not-found');
    });

    it('lists their own orders only, also when they name themselves', async () => {
      await shown('customer-anna');
      await shown('customer-bert');
      for (const path of ['/orders', '/orders?customerId=customer-bert']) {
        const { items } = (await (await get('bert', path)).json()) as { items: { customerId: string }[] };
        assert.deepEqual([...new Set(items.map(({ customerId }) => customerId))], ['customer-bert']);
      }
      await problemOf(await get('bert', '/orders?customerId=customer-anna'), 403);
    });

    it('without a number of their own has no orders, and can place none', async () => {
      await problemOf(await send('carl', '/orders', order), 400);
      await problemOf(await send('carl', '/orders', { ...order, customerId: 'customer-anna' }), 403);
      await problemOf(await get('carl', '/orders'), 400);
      await problemOf(await get('carl', `/orders/${await shown('customer-anna')}`), 404);
    });

    it('stays away from the desk, the outbox and the figures', async () => {
      const id = await placed('anna');
      await problemOf(
        await send('anna', `/orders/${id}/approval`, { decision: 'approve', reason: 'I want it' }),
        403,
      );
      await problemOf(await send('anna', '/operations/sagas/resolve', {}), 403);
      await problemOf(await get('anna', '/operations/sagas?state=stuck'), 403);
      await problemOf(await get('anna', '/analytics/sales'), 403);
      await problemOf(await fetch(`${commands}/operations/outbox`, { headers: as('anna') }), 403);
    });
  });

  for (const person of ['maria', 'otto'] as const)
    describe(`an ${people[person].roles[0]}`, () => {
      it('orders for a customer, whom they must name', async () => {
        const id = await placed(person, { ...order, customerId: 'customer-bert' });
        assert.equal(await customerOf(id), 'customer-bert');
        const { errors } = await problemOf(await send(person, '/orders', order), 400);
        assert.deepEqual(errors, [
          { field: 'customerId', message: 'is required from a caller who is no customer' },
        ]);
      });

      it('sees everybody’s orders, all of them or one customer’s', async () => {
        const id = await shown('customer-anna');
        await shown('customer-bert');
        assert.equal((await get(person, `/orders/${id}`)).status, 200);
        const listed = async (path: string): Promise<unknown[]> => {
          const { items } = (await (await get(person, path)).json()) as { items: { customerId: string }[] };
          return [...new Set(items.map(({ customerId }) => customerId))].sort();
        };
        assert.deepEqual(await listed('/orders?limit=200'), ['customer-anna', 'customer-bert']);
        assert.deepEqual(await listed('/orders?customerId=customer-bert'), ['customer-bert']);
      });
    });

  describe('an analyst', () => {
    it('has no way to an order, be it as a customer their own', async () => {
      const id = await shown('customer-anna');
      for (const path of [
        '/orders',
        '/orders?customerId=customer-anna',
        `/orders/${id}`,
        `/orders/${id}/cancellation`,
      ])
        await problemOf(await get('ann', path), 403);
      await problemOf(await send('ann', '/orders', order), 403);
      await problemOf(await send('ann', `/orders/${id}/cancel`, { reason: 'no' }), 403);
    });

    it('gets the figures, which name no person and no order', async () => {
      const id = await shown('customer-anna');
      for (const path of [
        '/analytics/sales?from=2026-03-01&to=2026-03-02',
        '/analytics/sales?by=sku&from=2026-03-01&to=2026-03-02',
      ]) {
        const response = await get('ann', path);
        assert.equal(response.status, 200);
        const text = await response.text();
        assert.notEqual(text, '{"items":[]}');
        for (const personal of ['customer', 'anna', id, 'pm_card']) assert.ok(!text.includes(personal), text);
      }
    });
  });

  it('somebody without a role may do nothing', async () => {
    for (const path of ['/orders', '/products', '/analytics/sales', '/operations/sagas?state=stuck'])
      await problemOf(await get('nobody', path), 403);
    await problemOf(await send('nobody', '/orders', order), 403);
  });
});
