import assert from 'node:assert/strict';
import {
  createPlaceOrderHandler,
  hashOf,
  type PlacedOrderAnswer,
  type PlaceOrder,
} from '../../../api/commands/place-order.ts';
import { createCommandApp } from '../../../api/command-app.ts';
import { connect, type Knex } from '../../../db/connection.ts';
import { removeExpiredKeys } from '../../../db/idempotency.ts';
import { placeOrders } from '../../../db/place-orders.ts';
import type { PlaceOrderRequest } from '../../../domain/commands.ts';
import { placeOrder } from '../../../domain/order.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen } from '../../../platform/http-server.ts';
import { newOrder, orderContent, orderHistory, provenance } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { commandSettings, httpDeps, noSagas, post } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';

type Handler = ReturnType<typeof createPlaceOrderHandler>;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

describe('a batch of orders', () => {
  let database: TestDatabase;
  let db: Knex;
  let place: Handler;
  /** What the clock shows; systemClock's time when undefined. */
  let now: Date | undefined;
  const nudged: (readonly number[])[] = [];

  before(async () => {
    database = await createTestDatabase();
    db = database.db;
    await listProducts(db, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 10 }]);
    place = handlerOn(db);
  });
  after(() => database.drop());
  afterEach(() => {
    now = undefined;
    nudged.length = 0;
  });

  const handlerOn = (pool: Knex): Handler =>
    createPlaceOrderHandler({
      db: pool,
      clock: { now: () => now ?? systemClock.now() },
      nudge: (shards) => nudged.push(shards),
      keyTtlMs: DAY_MS,
    });

  const order: PlaceOrderRequest = {
    customerId: 'customer-1',
    lines: [{ sku: 'COFFEE', quantity: 1 }],
    paymentMethod: 'pm_card_visa',
  };
  const ordered = (changes: Partial<PlaceOrderRequest>): PlaceOrderRequest => ({ ...order, ...changes });
  function command(request: PlaceOrderRequest = order, key?: string, subject = 'ada'): PlaceOrder {
    const commandId = newId();
    return {
      orderId: newId(),
      subject,
      request,
      ...(key === undefined ? {} : { idempotencyKey: { key, bodyHash: hashOf(request) } }),
      provenance: { ...provenance, correlationId: commandId, causationId: commandId },
    };
  }
  /** `new`, `same`, or the code of what it was refused with. */
  const shown = (outcomes: readonly PromiseSettledResult<PlacedOrderAnswer>[]): string[] =>
    outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value.isNew ? 'new' : 'same';
      return (outcome.reason as { code?: string }).code ?? String(outcome.reason);
    });
  const idOf = (outcome: PromiseSettledResult<PlacedOrderAnswer> | undefined): string | undefined =>
    outcome?.status === 'fulfilled' ? outcome.value.orderId : undefined;

  /** How often an order is in each table; all or none is what a transaction leaves. */
  async function traces({ orderId, provenance: { causationId } }: PlaceOrder): Promise<number[]> {
    const { rows } = await db.raw<{ rows: [{ counts: number[] }] }>(
      `select array[
        (select count(*) from orders.orders where id = :orderId),
        (select count(*) from orders.order_lines where order_id = :orderId),
        (select count(*) from orders.idempotency_keys where order_id = :orderId),
        (select count(*) from messaging.outbox where aggregate_id = cast(:orderId as text)),
        (select count(*) from orders.audit where order_id = :orderId and id = :causationId)
      ]::integer[] as counts`,
      { orderId, causationId },
    );
    return rows[0].counts;
  }

  it('is one transaction, whatever its size, and wakes the relays once', async () => {
    const batch = Array.from({ length: 50 }, (_, n) => command(order, `together-${n}`));
    assert.deepEqual(
      shown(await place(batch)),
      batch.map(() => 'new'),
    );
    const { rows } = await db.raw<{ rows: unknown[] }>(
      `select distinct xid from messaging.outbox where aggregate_id = any(:ids)`,
      { ids: batch.map(({ orderId }) => orderId) },
    );
    assert.equal(rows.length, 1);
    for (const one of batch) assert.deepEqual(await traces(one), [1, 1, 1, 1, 1]);
    assert.equal(nudged.length, 1);
  });

  it('keeps who asked for which order in the audit, under the command’s id', async () => {
    const one = command(order, 'audited', 'grace');
    await place([one]);
    const entry: unknown = await db('orders.audit')
      .where({ id: one.provenance.causationId })
      .first('action', 'subject', 'order_id', 'details');
    assert.deepEqual(entry, {
      action: 'placeOrder',
      subject: 'grace',
      order_id: one.orderId,
      details: { customerId: 'customer-1', totalMinor: 1_890, currency: 'EUR' },
    });
  });

  it('answers good and bad commands each for itself', async () => {
    await place([command(order, 'taken')]);
    const batch = [
      command(order, 'mixed-1'),
      command(ordered({ lines: [{ sku: 'NOPE', quantity: 1 }] }), 'mixed-2'),
      command(order, 'taken'),
      command(ordered({ customerId: 'customer-2' }), 'taken'),
      command(),
      command(order, 'mixed-1'),
      command(ordered({ customerId: 'customer-2' }), 'mixed-1'),
    ];
    const outcomes = await place(batch);
    assert.deepEqual(shown(outcomes), [
      ...['new', 'UNKNOWN_SKU', 'same', 'IDEMPOTENCY_KEY_REUSED', 'new', 'same', 'IDEMPOTENCY_KEY_REUSED'],
    ]);
    assert.equal(idOf(outcomes[5]), batch[0]?.orderId);
    assert.deepEqual(await Promise.all(batch.slice(1, 4).map(traces)), Array(3).fill([0, 0, 0, 0, 0]));
  });

  it('a row that PostgreSQL refuses fails alone, and leaves nothing behind', async () => {
    // The last of a batch's statements fails, when all others have been carried out.
    await db.raw(
      `alter table orders.audit add constraint planted check (details ->> 'customerId' <> 'culprit')`,
    );
    const batch = Array.from({ length: 20 }, (_, n) =>
      command(ordered({ customerId: n === 13 ? 'culprit' : 'customer-1' }), `neighbour-${n}`),
    );
    const outcomes = await place(batch);
    await db.raw('alter table orders.audit drop constraint planted');
    for (const [n, one] of batch.entries()) {
      assert.equal(outcomes[n]?.status, n === 13 ? 'rejected' : 'fulfilled');
      assert.deepEqual(await traces(one), n === 13 ? [0, 0, 0, 0, 0] : [1, 1, 1, 1, 1]);
    }
  });

  it('what was placed once is answered again when the catalogue has lost the product', async () => {
    await listProducts(db, [{ sku: 'RARE', onHand: 1 }]);
    const rare = ordered({ lines: [{ sku: 'RARE', quantity: 1 }] });
    const first = command(rare, 'rare');
    await place([first]);
    await db('orders.products').where({ sku: 'RARE' }).delete();
    const other = ordered({ lines: [{ sku: 'RARE', quantity: 2 }] });
    const outcomes = await place([command(rare, 'rare'), command(other, 'rare'), command(rare, 'rare-2')]);
    assert.deepEqual(shown(outcomes), ['same', 'IDEMPOTENCY_KEY_REUSED', 'UNKNOWN_SKU']);
    assert.equal(idOf(outcomes[0]), first.orderId);
  });

  it('a key belongs to its principal', async () => {
    const outcomes = await place([command(order, 'mine', 'ada'), command(order, 'mine', 'grace')]);
    assert.deepEqual(shown(outcomes), ['new', 'new']);
    assert.notEqual(idOf(outcomes[0]), idOf(outcomes[1]));
  });

  it('a body is the same however its JSON was written, and for whom it is counts', () => {
    const { customerId, lines, paymentMethod } = order;
    assert.equal(hashOf({ paymentMethod, lines, customerId }), hashOf(order));
    assert.notEqual(hashOf(ordered({ customerId: 'customer-2' })), hashOf(order));
    assert.notEqual(hashOf(ordered({ lines: [{ sku: 'COFFEE', quantity: 2 }] })), hashOf(order));
  });

  it('a key that has expired is free, also before housekeeping has removed it', async () => {
    now = new Date(Date.now() - DAY_MS - 1_000);
    await place([command(order, 'expiring')]);
    now = new Date(Date.now() - 2_000);
    assert.deepEqual(shown(await place([command(order, 'expiring')])), ['same']);
    now = undefined;
    const second = command(ordered({ customerId: 'customer-2' }), 'expiring');
    assert.deepEqual(shown(await place([second])), ['new']);
    assert.deepEqual(shown(await place([command(second.request, 'expiring')])), ['same']);
  });

  it('housekeeping removes expired keys, the oldest first, and no other', async () => {
    for (const [age, count] of [
      [3, 5],
      [2, 5],
      [1, 1],
    ] as const) {
      now = new Date(Date.now() - age * DAY_MS + HOUR_MS);
      await place(Array.from({ length: count }, (_, n) => command(order, `aged-${age}-${n}`)));
    }
    const keysFrom = new Date(Date.now() - DAY_MS);
    const left = async (): Promise<string[]> =>
      (
        await db('orders.idempotency_keys').whereLike('key', 'aged-%').orderBy('key').pluck<string[]>('key')
      ).map((key) => key.slice(0, 6));
    assert.equal(await removeExpiredKeys(db, { keysFrom, atMost: 5 }), 5);
    assert.deepEqual(await left(), ['aged-1', ...Array<string>(5).fill('aged-2')]);
    assert.equal(await removeExpiredKeys(db, { keysFrom, atMost: 100 }), 5);
    assert.deepEqual(await left(), ['aged-1']);
  });

  describe('with keys that another process holds', () => {
    let otherPool: Knex;
    before(() => {
      otherPool = connect({ url: database.url, poolSize: 4, applicationName: 'other' });
    });
    afterEach(async () => {
      for (const trx of holding.splice(0)) if (!trx.isCompleted()) await trx.rollback();
    });
    after(() => otherPool.destroy());

    const holding: Knex.Transaction[] = [];

    /** A process that has claimed a key and does not go on. @returns what ends it */
    async function hold(key: string, subject = 'ada'): Promise<() => Promise<unknown>> {
      const trx = await otherPool.transaction();
      holding.push(trx);
      const held = newOrder();
      const [created] = orderHistory([placeOrder(orderContent)], { orderId: held.id });
      assert.ok(created);
      await placeOrders(trx, [{ order: held, created, claim: { subject, key, bodyHash: 'another' } }]);
      return () => trx.rollback();
    }

    it('it waits for none of them: the others are written, and who has that key is told that it is in use', async () => {
      const release = await hold('held');
      const began = performance.now();
      const outcomes = await place([command(order, 'held'), command(order, 'not-held'), command()]);
      const tookMs = performance.now() - began;
      assert.deepEqual(shown(outcomes), ['IDEMPOTENCY_KEY_IN_USE', 'new', 'new']);
      assert.ok(tookMs < 500, `${tookMs} ms`);
      await release();
      assert.deepEqual(shown(await place([command(order, 'held')])), ['new']);
    });

    it('a request waits for its key for some seconds, and then gets 409 with Retry-After', async () => {
      const deps = { ...httpDeps(), ...commandSettings, db, clock: systemClock, sagas: noSagas };
      const server = await listen(createCommandApp({ ...deps, nudge: () => undefined }).app, '127.0.0.1', 0);
      const send = (key: string): Promise<Response> =>
        post(`http://127.0.0.1:${server.port}/orders`, order, { 'Idempotency-Key': key });
      try {
        const releases = [await hold('waits', 'demo'), await hold('stays', 'demo')];
        const [waits, stays] = [send('waits'), send('stays')];
        const neighbour = await send('neighbour');
        assert.equal(neighbour.status, 202);
        await releases[0]?.();
        assert.equal((await waits).status, 202);
        const refused = await stays;
        assert.deepEqual([refused.status, refused.headers.get('retry-after')], [409, '1']);
        assert.match(await refused.text(), /idempotency-key-in-use/);
        await releases[1]?.();
        assert.equal((await send('stays')).status, 202);
      } finally {
        await server.close();
      }
    });

    it('batches of two processes with the same keys in any order: one order per key, and no deadlock', async () => {
      const keys = Array.from({ length: 40 }, (_, n) => `contested-${n}`);
      const handlers = [place, handlerOn(otherPool)];
      const told = new Map<string, Set<string>>();
      for (let round = 0; round < 10; round++) {
        const inTurn = round % 2 === 0 ? keys : [...keys].reverse();
        const batches = handlers.flatMap((handler, index) =>
          [inTurn, [...inTurn].reverse()].map(async (wanted) => {
            const batch = wanted.slice(0, 20 + 10 * index).map((key) => command(order, key));
            const outcomes = await handler(batch);
            batch.forEach(({ idempotencyKey }, n) => {
              const id = idOf(outcomes[n]);
              const key = idempotencyKey?.key ?? '';
              if (id !== undefined) told.set(key, (told.get(key) ?? new Set()).add(id));
              else assert.equal(shown(outcomes)[n], 'IDEMPOTENCY_KEY_IN_USE');
            });
          }),
        );
        await Promise.all(batches);
      }
      assert.equal(told.size, keys.length);
      for (const [key, ids] of told) assert.equal(ids.size, 1, key);
      const ids = [...told.values()].flatMap((all) => [...all]);
      const { rows } = await db.raw<{ rows: unknown[] }>('select from orders.orders where id = any(:ids)', {
        ids,
      });
      assert.equal(rows.length, keys.length);
    });
  });

  it('two instances that get one request at the same time answer with one order', async () => {
    const otherPool = connect({ url: database.url, poolSize: 4, applicationName: 'other' });
    const serve = (pool: Knex): ReturnType<typeof listen> => {
      const deps = { ...httpDeps(), ...commandSettings, db: pool, clock: systemClock, sagas: noSagas };
      return listen(createCommandApp({ ...deps, nudge: () => undefined }).app, '127.0.0.1', 0);
    };
    const servers = [await serve(db), await serve(otherPool)];
    try {
      for (let n = 0; n < 20; n++) {
        const headers = { 'Idempotency-Key': `twice-${n}` };
        const answers = await Promise.all(
          [...servers, ...servers].map(({ port }) => post(`http://127.0.0.1:${port}/orders`, order, headers)),
        );
        assert.deepEqual(
          answers.map(({ status }) => status),
          [202, 202, 202, 202],
        );
        const bodies = await Promise.all(answers.map((answer) => answer.text()));
        assert.equal(new Set(bodies).size, 1);
        const locations = new Set(answers.map((answer) => answer.headers.get('location')));
        assert.equal(locations.size, 1);
      }
    } finally {
      await Promise.all(servers.map((server) => server.close()));
      await otherPool.destroy();
    }
  });
});
