import assert from 'node:assert/strict';
import { createCommandApp } from '../../../api/command-app.ts';
import { connect, type Knex } from '../../../db/connection.ts';
import { MOST_OF_AN_ORDER } from '../../../domain/money.ts';
import { systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { commandSettings, httpDeps, noSagas, post, type ProblemBody } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';

describe('command API', () => {
  let database: TestDatabase;
  let db: Knex;
  let server: HttpServer;
  let orders: string;

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    await listProducts(db, [
      { sku: 'COFFEE', priceMinor: 1_890, onHand: 10 },
      { sku: 'FILTER', priceMinor: 90, onHand: 10 },
      { sku: 'DOLLAR', priceMinor: 100, currency: 'USD', onHand: 10 },
      { sku: 'SILVER', priceMinor: MOST_OF_AN_ORDER + 1, onHand: 10 },
      { sku: 'PLATINUM', priceMinor: MOST_OF_AN_ORDER, onHand: 10 },
      { sku: 'GOLD', priceMinor: Number.MAX_SAFE_INTEGER, onHand: 10 },
    ]);
    server = await serve(db);
    orders = `http://127.0.0.1:${server.port}/orders`;
  });
  after(async () => {
    await server.close();
    await database.drop();
  });

  const serve = (writeDb: Knex, settings: Partial<typeof commandSettings> = {}): Promise<HttpServer> =>
    listen(
      createCommandApp({
        ...httpDeps(),
        db: writeDb,
        clock: systemClock,
        nudge: () => undefined,
        sagas: noSagas,
        ...commandSettings,
        ...settings,
      }).app,
      '127.0.0.1',
      0,
    );

  const valid = {
    customerId: 'customer-1',
    lines: [
      { sku: 'COFFEE', quantity: 2 },
      { sku: 'FILTER', quantity: 6 },
    ],
    paymentMethod: 'pm_card_visa',
  };
  const countOrders = async (): Promise<number> =>
    Number((await db('orders.orders').count({ n: '*' }))[0]?.n);

  async function problemOf(response: Response): Promise<ProblemBody> {
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
    const problem = (await response.json()) as ProblemBody;
    assert.equal(problem.status, response.status);
    assert.match(problem.traceId, /^[0-9a-f]{32}$/);
    return problem;
  }

  it('answers 202 with Location, and has written order, lines and event with prices of the catalogue', async () => {
    const response = await post(orders, valid);
    assert.equal(response.status, 202);
    const { orderId, ...rest } = (await response.json()) as { orderId: string };
    assert.deepEqual(rest, { status: 'PENDING' });
    assert.equal(response.headers.get('location'), `/orders/${orderId}`);

    const order = await db('orders.orders')
      .where({ id: orderId })
      .first<{ total_minor: string; currency: string }>();
    assert.deepEqual([order.total_minor, order.currency], ['4320', 'EUR']);
    const lines: unknown = await db('orders.order_lines')
      .where({ order_id: orderId })
      .orderBy('line_no')
      .select('sku', 'quantity', 'unit_price_minor');
    assert.deepEqual(lines, [
      { sku: 'COFFEE', quantity: 2, unit_price_minor: '1890' },
      { sku: 'FILTER', quantity: 6, unit_price_minor: '90' },
    ]);
    const events = await db('messaging.outbox')
      .where({ aggregate_id: orderId })
      .select<{ event_type: string; aggregate_version: number }[]>('event_type', 'aggregate_version');
    assert.deepEqual(events, [{ event_type: 'OrderCreated', aggregate_version: 1 }]);
  });

  it('takes an order of the largest total that there may be', async () => {
    const { status } = await post(orders, { ...valid, lines: [{ sku: 'PLATINUM', quantity: 1 }] });
    assert.equal(status, 202);
  });

  it('takes no order in a currency that the catalogue should not have', async () => {
    await db('orders.products').insert({
      sku: 'OLD',
      name: 'Old',
      price_minor: 100,
      currency: 'DEM',
      version: 1,
    });
    const response = await post(orders, { ...valid, lines: [{ sku: 'OLD', quantity: 1 }] });
    assert.equal(response.status, 400);
    assert.match((await problemOf(response)).errors?.[0]?.message ?? '', /DEM.*ISO 4217/);
    await assert.rejects(listProducts(db, [{ sku: 'NEW', currency: 'DEM', onHand: 1 }]), /ISO 4217/);
  });

  it('continues the trace of the caller', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const response = await post(orders, valid, { traceparent });
    const { orderId } = (await response.json()) as { orderId: string };
    const row = await db('messaging.outbox')
      .where({ aggregate_id: orderId })
      .first<{ headers: { traceparent: string } }>();
    assert.equal(row.headers.traceparent.split('-')[1], '4bf92f3577b34da6a3ce929d0e0e4736');
  });

  it('begins a trace where the caller names none that is one', async () => {
    for (const traceparent of ['', '00-00000000000000000000000000000000-0000000000000000-00', 'none']) {
      const response = await post(orders, valid, { traceparent });
      assert.match(response.headers.get('traceparent') ?? '', /^00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    }
  });

  describe('refuses, names each field and writes nothing:', () => {
    const line = { sku: 'COFFEE', quantity: 1 };
    const cases: [name: string, body: unknown, status: number, type: string, fields: string[]][] = [
      ['unknown fields', { ...valid, price: 1 }, 400, 'validation-failed', ['price']],
      [
        'a price from the client',
        { ...valid, lines: [{ ...line, price: 1 }] },
        400,
        'validation-failed',
        ['lines[0].price'],
      ],
      [
        'a quantity below 1',
        { ...valid, lines: [{ ...line, quantity: 0 }] },
        400,
        'validation-failed',
        ['lines[0].quantity'],
      ],
      [
        'a quantity above 1000',
        { ...valid, lines: [{ ...line, quantity: 1_001 }] },
        400,
        'validation-failed',
        ['lines[0].quantity'],
      ],
      [
        'half a piece',
        { ...valid, lines: [{ ...line, quantity: 1.5 }] },
        400,
        'validation-failed',
        ['lines[0].quantity'],
      ],
      ['no lines', { ...valid, lines: [] }, 400, 'validation-failed', ['lines']],
      [
        'more than 100 lines',
        { ...valid, lines: Array.from({ length: 101 }, (_, n) => ({ sku: `SKU-${n}`, quantity: 1 })) },
        400,
        'validation-failed',
        ['lines'],
      ],
      ['a product twice', { ...valid, lines: [line, line] }, 400, 'validation-failed', ['lines[1].sku']],
      [
        'an unknown payment method',
        { ...valid, paymentMethod: 'cash' },
        400,
        'validation-failed',
        ['paymentMethod'],
      ],
      ['everything missing', {}, 400, 'validation-failed', ['lines', 'paymentMethod']],
      ['an array', [], 400, 'validation-failed', ['body']],
      [
        'unknown products',
        { ...valid, lines: [line, { sku: 'NOPE', quantity: 1 }] },
        422,
        'unknown-sku',
        ['lines[1].sku'],
      ],
      [
        'two currencies',
        { ...valid, lines: [line, { sku: 'DOLLAR', quantity: 1 }] },
        422,
        'mixed-currencies',
        ['lines[0].sku', 'lines[1].sku'],
      ],
      [
        'a total beyond the safe integers',
        { ...valid, lines: [{ sku: 'GOLD', quantity: 2 }] },
        400,
        'validation-failed',
        ['lines'],
      ],
      [
        'a total that would use up the sums of the read tables',
        { ...valid, lines: [{ sku: 'SILVER', quantity: 1 }] },
        400,
        'validation-failed',
        ['lines'],
      ],
    ];
    for (const [name, body, status, type, fields] of cases) {
      it(name, async () => {
        const before = await countOrders();
        const response = await post(orders, body);
        const problem = await problemOf(response);
        assert.equal(response.status, status);
        assert.equal(problem.type, `urn:durable-orders:problem:${type}`);
        assert.deepEqual(
          problem.errors?.map(({ field }) => field),
          fields,
        );
        for (const { message } of problem.errors ?? []) assert.ok(message.length > 5, message);
        assert.equal(await countOrders(), before);
      });
    }
  });

  it('refuses a body above 64 KB, one that is not JSON, and one of another type', async () => {
    const large = await post(orders, { ...valid, customerId: 'x'.repeat(66_000) });
    assert.deepEqual(
      [large.status, (await problemOf(large)).type],
      [413, 'urn:durable-orders:problem:body-too-large'],
    );
    const json = { 'content-type': 'application/json' };
    const broken = await fetch(orders, { method: 'POST', headers: json, body: '{"lines":' });
    assert.deepEqual(
      [broken.status, (await problemOf(broken)).type],
      [400, 'urn:durable-orders:problem:malformed-json'],
    );
    const text = await fetch(orders, { method: 'POST', body: 'hello' });
    assert.deepEqual(
      [text.status, (await problemOf(text)).type],
      [415, 'urn:durable-orders:problem:unsupported-media-type'],
    );
  });

  it('says what a path takes, and what is not there', async () => {
    const put = await fetch(orders, { method: 'PUT' });
    assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, POST']);
    await problemOf(put);
    const nowhere = await fetch(orders.replace('/orders', '/nowhere'));
    assert.equal(nowhere.status, 404);
    await problemOf(nowhere);
  });

  describe('Idempotency-Key', () => {
    it('the same key answers the same order, also when the requests come at the same time', async () => {
      const before = await countOrders();
      const headers = { 'Idempotency-Key': 'checkout-1' };
      const answers = await Promise.all(Array.from({ length: 8 }, () => post(orders, valid, headers)));
      assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
      const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as { orderId: string }[];
      assert.equal(new Set(bodies.map(({ orderId }) => orderId)).size, 1);
      assert.equal(await countOrders(), before + 1);
    });

    it('the same key with another body is refused', async () => {
      const headers = { 'Idempotency-Key': 'checkout-2' };
      await post(orders, valid, headers);
      const other = await post(orders, { ...valid, customerId: 'customer-2' }, headers);
      assert.deepEqual(
        [other.status, (await problemOf(other)).type],
        [422, 'urn:durable-orders:problem:idempotency-key-reused'],
      );
    });

    it('a key that belonged to a refused order can be used again', async () => {
      const headers = { 'Idempotency-Key': 'checkout-3' };
      const unknown = { ...valid, lines: [{ sku: 'NOPE', quantity: 1 }] };
      assert.equal((await post(orders, unknown, headers)).status, 422);
      assert.equal((await post(orders, valid, headers)).status, 202);
    });

    it('an order without a key is refused where keys are required, and told what to send', async () => {
      const strict = await serve(db, { idempotency: { isRequired: true, keyTtlMs: 1_000 } });
      const url = `http://127.0.0.1:${strict.port}/orders`;
      const before = await countOrders();
      const without = await post(url, valid);
      assert.equal(without.status, 400);
      const [error] = (await problemOf(without)).errors ?? [];
      assert.equal(error?.field, 'Idempotency-Key');
      assert.match(error.message, /is required: send a value of your own for each order, such as a UUID/);
      assert.equal(await countOrders(), before);
      assert.equal((await post(url, valid, { 'Idempotency-Key': 'given' })).status, 202);
      await strict.close();
    });

    it('a key that cannot be kept is refused by name', async () => {
      const response = await post(orders, valid, { 'Idempotency-Key': 'k'.repeat(256) });
      assert.equal(response.status, 400);
      assert.equal((await problemOf(response)).errors?.[0]?.field, 'Idempotency-Key');
    });
  });

  it('beyond the queue it answers 503 with Retry-After, and every 202 was written', async () => {
    const before = await countOrders();
    const small = await serve(db, { queue: { capacity: 2, batchSize: 1 } });
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => post(`http://127.0.0.1:${small.port}/orders`, valid)),
    );
    await small.close();
    const accepted = answers.filter(({ status }) => status === 202);
    const refused = answers.filter(({ status }) => status === 503);
    assert.equal(accepted.length + refused.length, 30);
    assert.ok(refused.length > 0);
    assert.equal(refused[0]?.headers.get('retry-after'), '1');
    assert.equal(await countOrders(), before + accepted.length);
  });

  it('with the database out of reach it answers 503 and says to repeat', async () => {
    const url = `postgres://nobody@127.0.0.1:${await freePort()}/none`;
    const nowhere = connect({ url, poolSize: 1, applicationName: 'test' });
    const stranded = await serve(nowhere);
    const response = await post(`http://127.0.0.1:${stranded.port}/orders`, valid);
    assert.equal(response.status, 503);
    assert.match((await problemOf(response)).detail ?? '', /repeat the request/);
    await stranded.close();
    await nowhere.destroy();
  });

  it('a fault of ours tells the caller nothing but the trace id', async () => {
    const empty = connect({
      url: database.url.replace(/\/[^/]*$/, '/postgres'),
      poolSize: 1,
      applicationName: 'test',
    });
    const broken = await serve(empty);
    const response = await post(`http://127.0.0.1:${broken.port}/orders`, valid);
    const { traceId, ...rest } = await problemOf(response);
    assert.deepEqual(rest, { type: 'about:blank', title: 'Internal Server Error', status: 500 });
    assert.ok(traceId);
    await broken.close();
    await empty.destroy();
  });
});
