import assert from 'node:assert/strict';
import { createQueryApp } from '../../../api/query-app.ts';
import type { DomainEvent } from '../../../domain/events.ts';
import { toEvent } from '../../../domain/events.ts';
import { placeOrder } from '../../../domain/order.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { orderContent, orderHistory, provenance, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { httpDeps, PRINCIPAL_HEADER, principalOfHeader, type ProblemBody } from '../../support/http.ts';
import { applyEvents } from '../../support/projections.ts';

interface Page {
  readonly items: { readonly orderId: string }[];
  readonly nextCursor?: string;
}

const listed = (sku: string, name: string, version = 1): DomainEvent =>
  toEvent(
    { type: 'ProductListed', data: { name, priceMinor: 100, currency: 'EUR' } },
    { id: newId(), aggregateId: sku, aggregateVersion: version, occurredAt: new Date() },
    provenance,
  );

describe('GET /orders/search', () => {
  let database: TestDatabase;
  let server: HttpServer;
  let api: string;
  const names = new Map<string, string>();
  const operator = { subject: 'ops', roles: ['operator'] };

  before(async () => {
    database = await createTestDatabase();
    const app = createQueryApp({
      ...httpDeps(),
      authenticate: principalOfHeader,
      db: database.db,
      clock: systemClock,
      ui: { url: 'http://127.0.0.1:8233/', namespace: 'default' },
      freshOrderWaitMs: 0,
    });
    server = await listen(app, '127.0.0.1', 0);
    api = `http://127.0.0.1:${server.port}`;

    const tea = placeOrder({
      ...orderContent,
      customerId: 'customer-2',
      lines: [{ sku: 'TEA', quantity: 1, unitPriceMinor: 500 }],
    });
    const histories = {
      delivered: stories.delivered,
      outOfStock: stories.outOfStock,
      lost: stories.lost,
      tea: [tea],
    };
    for (const [index, [name, story]] of Object.entries(histories).entries()) {
      const orderId = newId();
      names.set(orderId, name);
      await applyEvents(
        database.db,
        orderHistory(story, { orderId, startedAt: `2026-03-0${index + 1}T10:00:00.000Z` }),
      );
    }
    await applyEvents(database.db, [
      listed('COFFEE-1KG', 'Kaffeebohnen aus Äthiopien'),
      listed('TEA', 'Green tea leaves, 100% organic'),
    ]);
  });
  after(async () => {
    await server.close();
    await database.drop();
  });

  const ask = (query: Record<string, string>, principal: object = operator): Promise<Response> =>
    fetch(`${api}/orders/search?${new URLSearchParams(query).toString()}`, {
      headers: { [PRINCIPAL_HEADER]: JSON.stringify(principal) },
    });
  async function found(q: string, principal?: object): Promise<(string | undefined)[]> {
    const response = await ask({ q }, principal);
    assert.equal(response.status, 200, q);
    const { items } = (await response.json()) as Page;
    return items.map(({ orderId }) => names.get(orderId));
  }

  const finds: readonly [q: string, orders: string[]][] = [
    ['delivered', ['delivered']],
    ['refunded', ['lost']],
    ['OUT_OF_STOCK', ['outOfStock']],
    ['out of stock', ['outOfStock']],
    ['Out-Of-Stock', ['outOfStock']],
    ['"not enough in stock"', ['outOfStock']],
    ['"stock in enough"', []],
    ['BY_THE_STOCK', []],
    ['parcels', ['lost']],
    ['cancelling', ['outOfStock']],
    ['T1', ['lost', 'delivered']],
    ['coffee-1kg', ['lost', 'outOfStock', 'delivered']],
    ['kaffeebohnen ÄTHIOPIEN', ['lost', 'outOfStock', 'delivered']],
    ['kaffeebohnen delivered', ['delivered']],
    ['kaffeebohnen -delivered', ['lost', 'outOfStock']],
    ['-kaffeebohnen', ['tea']],
    ['organics leaves', ['tea']],
    ['"tea leaves"', ['tea']],
    ['"leaves tea"', []],
    ['customer-2', ['tea']],
    ['nothing-like-it', []],
  ];
  for (const [q, orders] of finds)
    it(`${q} finds ${orders.join(', ') || 'nothing'}`, async () => {
      assert.deepEqual(await found(q), orders);
    });

  it('wildcards and operators of SQL and of its full text mean nothing', async () => {
    for (const q of ['deli%', '%elivered', 'deli:*', 'd_livered']) assert.deepEqual(await found(q), [], q);
    assert.deepEqual(await found("delivered' | !:*&()\0\\"), ['delivered']);
  });

  it('a name that has changed is the name that finds, and no more the one before', async () => {
    await applyEvents(database.db, [listed('FILTER', 'Paper filters'), listed('FILTER', 'Steel sieve', 2)]);
    assert.deepEqual(await found('sieve'), ['lost', 'outOfStock', 'delivered']);
    assert.deepEqual(await found('paper'), []);
  });

  it('goes through all pages, newest first, each order once', async () => {
    const seen: (string | undefined)[] = [];
    let cursor: string | undefined;
    do {
      const response = await ask({ q: 'customer', limit: '1', ...(cursor === undefined ? {} : { cursor }) });
      const page = (await response.json()) as Page;
      seen.push(...page.items.map(({ orderId }) => names.get(orderId)));
      cursor = page.nextCursor;
    } while (cursor !== undefined);
    assert.deepEqual(seen, ['tea', 'lost', 'outOfStock', 'delivered']);
  });

  it('a customer finds their own orders alone, and an operator those of a customer', async () => {
    const customer = { subject: 'c', roles: ['customer'], customerId: 'customer-2' };
    assert.deepEqual(await found('customer', customer), ['tea']);
    assert.equal((await ask({ q: 'tea', customerId: 'customer-1' }, customer)).status, 403);
    const { items } = (await (await ask({ q: 'customer', customerId: 'customer-2' })).json()) as Page;
    assert.equal(items.length, 1);
  });

  it('refuses what has no word, too many, or too much, and says what to do', async () => {
    const messageFor = async (query: Record<string, string>): Promise<string | undefined> => {
      const response = await ask(query);
      assert.equal(response.status, 400);
      const { errors } = (await response.json()) as ProblemBody;
      assert.equal(errors?.[0]?.field, 'q');
      return errors[0].message;
    };
    assert.match((await messageFor({})) ?? '', /is required: the words/);
    for (const q of ['', ' % ', '\0']) assert.match((await messageFor({ q })) ?? '', /must have a word/);
    assert.match((await messageFor({ q: 'a '.repeat(11) })) ?? '', /at most 10 words/);
    assert.match((await messageFor({ q: 'x'.repeat(201) })) ?? '', /at most 200 characters/);
  });

  it('orders of words are found along indexes', async () => {
    const plan = await database.db.transaction(async (trx) => {
      await trx.raw('set local enable_seqscan = off');
      const { rows } = await trx.raw<{ rows: { 'QUERY PLAN': string }[] }>(
        `explain select from read.order_search where document @@ phraseto_tsquery('simple', 'tea')
           or skus && array(select sku from read.products where document @@ phraseto_tsquery('simple', 'tea'))`,
      );
      return rows.map((row) => row['QUERY PLAN']).join('\n');
    });
    for (const index of ['order_search_by_word', 'order_search_by_product', 'products_by_word'])
      assert.match(plan, new RegExp(index));
  });
});
