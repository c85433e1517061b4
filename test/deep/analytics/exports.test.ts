import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import knex from 'knex';
import { setImmediate as immediate } from 'node:timers/promises';
import { createExports, type Exports } from '../../../api/analytics/exports.ts';
import { connect, type Knex } from '../../../db/connection.ts';
import type { PublishedMessage } from '../../../messaging/history.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import type { ProblemBody } from '../../support/http.ts';
import { serveQueryApi } from '../../support/query-api.ts';
import { addProducts } from '../../support/sales-rows.ts';

const PRODUCTS = 120_000;

describe('an export', () => {
  let database: TestDatabase;
  /** Of the API alone, so that what it does can be seen. */
  let pool: Knex;
  const closing: (() => Promise<void>)[] = [];

  before(async function () {
    this.timeout(60_000);
    database = await createTestDatabase();
    await addProducts(database.db, PRODUCTS);
    pool = connect({ url: database.url, poolSize: 4, applicationName: 'exports' });
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  after(async () => {
    await pool.destroy();
    await database.drop();
  });

  async function serve(settings: Partial<Parameters<typeof createExports>[0]> = {}): Promise<{
    readonly url: string;
    readonly exports: Exports;
  }> {
    const exports = createExports({ atOnce: 2, timeoutMs: 60_000, ...settings });
    const api = await serveQueryApi(pool, { exports });
    closing.push(() => api.close());
    return { url: `${api.url}/analytics/sales?from=2026-03-01&to=2026-03-01&by=sku`, exports };
  }

  /** Answered, and not read: the server can send no more than what the buffers hold. */
  async function unread(url: string): Promise<IncomingMessage> {
    const request = get(url, { agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }

  /** @returns how it ended, and how much came */
  async function read(response: IncomingMessage): Promise<{ isWhole: boolean; bytes: number }> {
    let bytes = 0;
    response.on('data', (chunk: Buffer) => (bytes += chunk.length));
    await new Promise((resolve) => response.once('close', resolve).once('error', () => undefined));
    return { isWhole: response.complete, bytes };
  }

  const states = async (): Promise<string[]> => {
    const { rows } = await database.db.raw<{ rows: { state: string }[] }>(
      "select state from pg_stat_activity where application_name = 'exports' and state <> 'idle'",
    );
    return rows.map(({ state }) => state);
  };
  const until = (wanted: readonly string[], what: string): Promise<true> =>
    eventually(async () => (await states()).join() === wanted.join() || undefined, { what });
  const untilFree = (): Promise<true> => until([], 'no export holds a connection');
  const untilWaiting = (): Promise<true> => until(['idle in transaction'], 'it waits between two pages');

  for (const format of ['json', 'csv', 'parquet'])
    it(`waits for a caller who does not read (${format}), and goes on with who does`, async () => {
      const { url } = await serve();
      const response = await unread(`${url}&format=${format}`);
      await untilWaiting();
      const { isWhole, bytes } = await read(response);
      assert.ok(isWhole && bytes > 1_000_000, String(bytes));
      await untilFree();
    });

  it('is of one moment, whatever changes while it is read', async () => {
    const { url } = await serve();
    const response = await unread(`${url}&format=csv`);
    await database.db('read.sales').where({ sku: 'SKU-0120000' }).update({ amount_minor: 1 });
    let text = '';
    for await (const chunk of response) text += String(chunk);
    await database.db('read.sales').where({ sku: 'SKU-0120000' }).update({ amount_minor: PRODUCTS });
    assert.match(text, /SKU-0120000,EUR,1,1,0,0,2,120000,120000,/);
  });

  it('ends with its caller, and the connection is free', async () => {
    const { url } = await serve({ atOnce: 1 });
    (await unread(`${url}&format=csv`)).destroy();
    await untilFree();
    const again = await unread(`${url}&format=csv`);
    assert.equal(again.statusCode, 200, 'its place is free too');
    again.destroy();
    await untilFree();
  });

  it('ends with a caller who leaves before the first row is there', async () => {
    const { url } = await serve();
    const blocker = await database.db.transaction();
    await blocker.raw('lock table read.sales in access exclusive mode');
    const request = get(`${url}&format=csv`, { agent: false });
    request.once('error', () => undefined);
    await until(['active'], 'it waits for the table');
    request.destroy();
    await untilFree();
    await blocker.rollback();
  });

  it('that fails midway breaks the connection, so that nobody takes it for the whole', async () => {
    const { url } = await serve();
    for (const format of ['json', 'csv', 'parquet']) {
      const response = await unread(`${url}&format=${format}`);
      await untilWaiting();
      await database.db.raw(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'exports'",
      );
      const { isWhole } = await read(response);
      assert.equal(isWhole, false, format);
      await untilFree();
    }
  });

  it('is not bound by the time that any other statement may take', async () => {
    const connection = { connectionString: database.url, statement_timeout: 20 };
    const hasty = knex({ client: 'pg', connection, pool: { min: 0, max: 2 } });
    closing.push(() => hasty.destroy());
    const api = await serveQueryApi(hasty);
    closing.unshift(() => api.close());
    const statusOf = async (format: string): Promise<number> => {
      const query = `from=2026-03-01&to=2026-03-01&by=sku&format=${format}`;
      const response = await fetch(`${api.url}/analytics/sales?${query}`);
      await response.arrayBuffer();
      return response.status;
    };
    assert.equal(await statusOf('json'), 503);
    assert.equal(await statusOf('csv'), 200);
  });

  it('that takes too long is broken off, however fast it is read', async () => {
    const [event] = orderHistory(stories.completed);
    const json = JSON.stringify(event);
    const message = { subject: 'any', data: Buffer.from(json), id: () => undefined };
    const published: unknown = JSON.parse(json);
    async function* endless(): AsyncGenerator<PublishedMessage[], void, undefined> {
      for (let streamSequence = 1; ; streamSequence += 1) {
        yield [{ ...message, streamSequence, published }];
        await immediate();
      }
    }
    const api = await serveQueryApi(pool, {
      exports: createExports({ atOnce: 1, timeoutMs: 500 }),
      openHistory: () => Promise.resolve(endless()),
    });
    closing.push(() => api.close());
    const { isWhole } = await read(await unread(`${api.url}/analytics/events.parquet`));
    assert.equal(isWhole, false);
  });

  it('that nobody reads gives its connection back in time', async () => {
    const { url } = await serve({ timeoutMs: 3_000 });
    const response = await unread(`${url}&format=csv`);
    assert.equal(response.statusCode, 200);
    await untilFree();
    assert.equal((await read(response)).isWhole, false);
  });

  it('beyond as many as may be is refused, with when to come again; few rows as JSON need no place', async () => {
    const { url } = await serve({ atOnce: 1 });
    const first = await unread(`${url}&format=csv`);
    for (const format of ['csv', 'json']) {
      const response = await fetch(`${url}&format=${format}`);
      assert.equal(response.status, 503);
      assert.equal(response.headers.get('retry-after'), '10');
      assert.equal(((await response.json()) as ProblemBody).type, 'urn:durable-orders:problem:exports-busy');
    }
    assert.equal((await fetch(`${url}&sku=SKU-0000001`)).status, 200);
    first.destroy();
    await untilFree();
  });

  it('ends with the process, which takes no more', async () => {
    const { url, exports } = await serve();
    const response = await unread(`${url}&format=csv`);
    exports.stop();
    assert.equal((await read(response)).isWhole, false);
    assert.equal((await fetch(`${url}&format=csv`)).status, 503);
    await untilFree();
  });
});
