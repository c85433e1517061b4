import assert from 'node:assert/strict';
import { createCommandApp } from '../../../api/command-app.ts';
import { connect, type Knex } from '../../../db/connection.ts';
import { pingTables } from '../../../db/readiness.ts';
import { systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { refusing } from '../../support/refusing-postgres.ts';
import { commandSettings, httpDeps, noSagas, post } from '../../support/http.ts';
import { listProducts } from '../../support/products.ts';

const order = {
  customerId: 'customer-1',
  lines: [{ sku: 'COFFEE', quantity: 1 }],
  paymentMethod: 'pm_card_visa',
};

interface Readiness {
  readonly checks: { readonly postgres: string };
}

describe('a database that cannot take orders now', () => {
  let database: TestDatabase;
  let owner: Knex;
  const opened: { db: Knex; server: HttpServer }[] = [];

  before(async () => {
    database = await createTestDatabase();
    owner = database.db;
    await listProducts(owner, [{ sku: 'COFFEE', priceMinor: 1_890, onHand: 10 }]);
    await owner.raw('create sequence attempts');
  });
  afterEach(async () => {
    for (const { db, server } of opened.splice(0)) {
      await server.close();
      await db.destroy();
    }
    await owner.raw('drop trigger if exists fails on orders.orders');
  });
  after(() => database.drop());

  async function serve(url = database.url, poolSize = 4): Promise<{ url: string; db: Knex }> {
    const db = connect({ url, poolSize, applicationName: 'test' });
    const checks = { postgres: () => pingTables(db, 'commandApi') };
    const deps = { ...httpDeps(), ...commandSettings, checks, db, clock: systemClock, sagas: noSagas };
    const server = await listen(createCommandApp({ ...deps, nudge: () => undefined }).app, '127.0.0.1', 0);
    opened.push({ db, server });
    return { url: `http://127.0.0.1:${server.port}`, db };
  }
  const readiness = async (url: string): Promise<[status: number, text: string]> => {
    const answer = await fetch(`${url}/readyz`);
    return [answer.status, ((await answer.json()) as Readiness).checks.postgres];
  };
  const statusOf = async (answer: Response): Promise<[number, string | null]> => {
    await answer.text();
    return [answer.status, answer.headers.get('retry-after')];
  };
  /** Each attempt to write orders ends with this code. @returns how often it was tried since the last call */
  async function failWith(code: string): Promise<() => Promise<number>> {
    await owner.raw(`
      create or replace function fail_now() returns trigger language plpgsql as $$ begin
        perform nextval('public.attempts');
        raise exception 'planted' using errcode = '${code}';
      end $$;
      create trigger fails before insert on orders.orders for each statement execute function fail_now();
      select setval('attempts', 1, false)`);
    const told = 'select last_value::int - 1 + is_called::int as n from attempts';
    return async () => (await owner.raw<{ rows: [{ n: number }] }>(told)).rows[0].n;
  }
  const postMany = async (url: string, count: number): Promise<[number, string | null][]> =>
    Promise.all(Array.from({ length: count }, () => post(`${url}/orders`, order).then(statusOf)));

  for (const code of [
    ...['25006', '25P03', '40001', '40P01', '53100', '53200', '55P03', '57014', '58030', '0A000', 'XX000'],
  ])
    it(`answers each order with 503 and Retry-After when writing fails with ${code}, after one attempt per batch`, async () => {
      const { url } = await serve();
      const attempts = await failWith(code);
      assert.deepEqual(
        await postMany(url, 8),
        Array.from({ length: 8 }, () => [503, '2']),
      );
      // Eight orders make at most three batches here: two that go at once, and what came meanwhile.
      assert.ok((await attempts()) <= 3, `${await attempts()} attempts`);
    });

  for (const code of ['42703', 'P0001'])
    it(`answers with 500 when a statement or a trigger of the database is at fault (${code})`, async () => {
      const { url } = await serve();
      await failWith(code);
      assert.deepEqual(await statusOf(await post(`${url}/orders`, order)), [500, null]);
    });

  it('is not ready after a failure that reading does not show, until the same write succeeds', async () => {
    const { url } = await serve();
    await failWith('53100');
    assert.deepEqual(await readiness(url), [200, 'ok']);
    assert.equal((await post(`${url}/orders`, order)).status, 503);
    assert.deepEqual(await readiness(url), [503, 'has no resources left']);
    await owner.raw('drop trigger fails on orders.orders');
    assert.equal((await post(`${url}/orders`, order)).status, 202);
    assert.deepEqual(await readiness(url), [200, 'ok']);
  });

  it('is not ready while it is read-only, answers 503, and takes orders again when it is writable', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await owner.raw(`alter database ${name} set default_transaction_read_only = on`);
    try {
      const { url } = await serve();
      assert.deepEqual(await statusOf(await post(`${url}/orders`, order)), [503, '2']);
      assert.deepEqual(await readiness(url), [503, 'takes no writes: it is set to read-only']);
      await owner.raw('set default_transaction_read_only = off');
      await owner.raw(`alter database ${name} reset default_transaction_read_only`);
      // Its sessions keep the default they began with; each is given up after the first write that it refuses.
      for (let n = 0; n < 4; n++) await post(`${url}/orders`, order);
      assert.equal((await post(`${url}/orders`, order)).status, 202);
      assert.deepEqual(await readiness(url), [200, 'ok']);
    } finally {
      await owner.raw(`alter database ${name} reset default_transaction_read_only`);
    }
  });

  it('a connection whose server takes no writes any more is not used again', async () => {
    const { url, db } = await serve(database.url, 1);
    await db.raw('set default_transaction_read_only = on');
    assert.equal((await post(`${url}/orders`, order)).status, 503);
    assert.equal((await post(`${url}/orders`, order)).status, 202);
  });

  for (const [what, part, value] of [
    ['a name that cannot be resolved', 'hostname', 'database.invalid'],
    ['a server without TLS where TLS is asked for', 'search', '?sslmode=verify-full'],
    ['a port where nobody listens', 'port', '1'],
    ['a database that is not there', 'pathname', '/nowhere'],
    ['a password that is not taken', 'username', 'nobody'],
  ] as const)
    it(`answers with 503 and is not ready with ${what}`, async () => {
      const address = new URL(database.url);
      address[part] = value;
      const { url } = await serve(address.href);
      assert.deepEqual(await statusOf(await post(`${url}/orders`, order)), [503, '2']);
      const [status, text] = await readiness(url);
      assert.equal(status, 503);
      assert.doesNotMatch(text, /log of the process/);
    });

  for (const [code, message] of [
    ['08P01', 'query_wait_timeout'],
    ['08P01', 'no more connections allowed (max_client_conn)'],
    ['57P03', 'the database system is starting up'],
    ['53300', 'sorry, too many clients already'],
    ['28P01', 'password authentication failed'],
    ['XX000', 'server conn crashed?'],
  ] as const)
    it(`answers with 503 and is not ready when a server or pooler refuses connections with ${code}: ${message}`, async () => {
      const pooler = await refusing(code, message);
      const { url } = await serve(`postgres://me:secret@127.0.0.1:${pooler.port}/orders`);
      try {
        assert.deepEqual(await statusOf(await post(`${url}/orders`, order)), [503, '2']);
        const [status, text] = await readiness(url);
        assert.equal(status, 503);
        assert.doesNotMatch(text, /log of the process/);
      } finally {
        pooler.close();
      }
    });

  it('a session that lost its settings to a pooler makes the process unready', async () => {
    const { url, db } = await serve(database.url, 1);
    await db.raw('discard all');
    assert.deepEqual(await readiness(url), [
      503,
      'loses session settings; use a connection pooler in session mode, or none',
    ]);
  });
});
