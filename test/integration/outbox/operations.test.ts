import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createCommandApp } from '../../../api/command-app.ts';
import { OUTBOX_SCHEMA } from '../../../db/migrations/0002-outbox.ts';
import { append, type OutboxEvent } from '../../../db/outbox/append.ts';
import { RowsRefusedError } from '../../../db/outbox/errors.ts';
import { createRelay } from '../../../db/outbox/relay.ts';
import type { OutboxStatus } from '../../../db/outbox/status.ts';
import { systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { commandSettings, getJson, httpDeps, noSagas, post, type ProblemBody } from '../../support/http.ts';
import { MemoryStream } from '../../support/memory-stream.ts';
import { silentObserver } from '../../support/outbox-readers.ts';
import { outboxEvent } from '../../support/outbox-writers.ts';
import { projectRoot } from '../../support/project-root.ts';

interface Parked {
  readonly causes: readonly {
    readonly cause: string;
    readonly count: number;
    readonly oldestParkedAt: string;
  }[];
  readonly parked: readonly { readonly seq: string; readonly id: string; readonly waiting: number }[];
}

// As an operator sees it: over REST, and with `npm run outbox`.
describe('operating the outbox', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let server: HttpServer;
  let base: string;
  let stream: MemoryStream;
  const stop = new AbortController();
  let running: Promise<void>;

  const event = (aggregateId: string, version: number): OutboxEvent =>
    outboxEvent(aggregateId, version, { version });
  const bad = [event('a', 1), event('b', 1)];
  const behind = [event('a', 2), event('b', 2)];

  before(async () => {
    database = await createTestDatabase();
    const { db } = database;
    server = await listen(
      createCommandApp({
        ...httpDeps(),
        db,
        clock: systemClock,
        nudge: () => undefined,
        sagas: noSagas,
        ...commandSettings,
      }).app,
      '127.0.0.1',
      0,
    );
    base = `http://127.0.0.1:${server.port}/operations/outbox`;
    await db.transaction((trx) => append(trx, [...bad, ...behind], { schema: OUTBOX_SCHEMA }));
    stream = new MemoryStream();
    stream.beforePublish = (rows) =>
      rows.some(({ id }) => bad.some((refused) => refused.id === id))
        ? Promise.reject(new RowsRefusedError('too large'))
        : Promise.resolve();
    running = createRelay({
      db,
      schema: OUTBOX_SCHEMA,
      shard: 0,
      owner: 'relay of the test',
      publisher: stream,
      wakeUp: () => new Promise((resolve) => setTimeout(resolve, 2)),
      observer: silentObserver,
    }).run(stop.signal);
    await untilParked(2);
  });
  after(async () => {
    stop.abort();
    await running;
    await server.close();
    await database.drop();
  });

  const untilParked = (rows: number): Promise<Parked['parked']> =>
    eventually(
      async () => {
        const { parked } = await getJson<Parked>(`${base}/parked`);
        return parked.length === rows && parked.every(({ waiting }) => waiting === 1) ? parked : undefined;
      },
      { what: `${rows} rows are parked` },
    );
  const decision = { reason: 'seen' };
  const outbox = async (...args: string[]): Promise<{ code: number; text: string }> => {
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', 'db/outbox.main.ts', ...args], {
      cwd: projectRoot,
      env: { DATABASE_URL: database.url },
    });
    return run.then(
      ({ stdout }) => ({ code: 0, text: stdout }),
      (error: unknown) => {
        const { code, stderr } = error as { code: number; stderr: string };
        return { code, text: stderr };
      },
    );
  };

  it('shows each shard with its owner, epoch, backlog and parked rows', async () => {
    const { shards, oldestTransactionSeconds } = await getJson<OutboxStatus>(base);
    const [first] = shards;
    assert.deepEqual(
      [first?.owner, first?.epoch, first?.rows, first?.parked, first?.waiting],
      ['relay of the test', '1', 0, 2, 2],
    );
    assert.ok(oldestTransactionSeconds >= 0);
    const { code, text } = await outbox('status');
    assert.equal(code, 0);
    assert.match(text, /relay of the test/);
  });

  it('lists what is parked, and shows what is in a row', async () => {
    const [first] = await untilParked(2);
    const row = await getJson<{ payload: unknown; cause: string }>(`${base}/parked/${first?.seq ?? ''}`);
    assert.deepEqual([row.payload, row.cause], [{ version: 1 }, 'too large']);
    const { causes } = await getJson<Parked>(`${base}/parked`);
    assert.deepEqual(
      causes.map(({ cause, count }) => [cause, count]),
      [['too large', 2]],
    );
    assert.match((await outbox('parked')).text, /^too large: 2, the oldest since /);
    assert.match((await outbox('inspect', first?.seq ?? '')).text, /version: 1/);
  });

  it('retries all of one cause over REST and with the script; what is refused again is parked again', async () => {
    const retry = async (body: object): Promise<unknown> =>
      (await post(`${base}/parked/resolve`, { action: 'retry', ...decision, ...body })).json();
    const none = { action: 'retry', decided: 0, remaining: 0 };
    assert.deepEqual(await retry({ cause: 'too small' }), none);
    assert.deepEqual(await retry({ cause: 'too large', limit: 1 }), { ...none, decided: 1, remaining: 1 });
    await untilParked(2);
    const by = ['--operator', 'maria', '--reason', 'the limit was raised'];
    const { text } = await outbox('retry', '--cause', 'too large', ...by);
    assert.equal(text, '2 will be tried again, 0 are left\n');
    await untilParked(2);
    const { errors } = (await (
      await post(`${base}/parked/resolve`, { cause: 'too large', action: 'discard', ...decision })
    ).json()) as ProblemBody;
    assert.deepEqual(
      errors?.map(({ field }) => field),
      ['action'],
    );
    assert.match((await outbox('discard', '--cause', 'too large', ...by)).text, /^--cause is for retry/);
  });

  it('discards over REST, retries with the script, and says so when there is nothing to decide', async () => {
    const [first, second] = await untilParked(2);
    const resolve = (seq: string): Promise<Response> =>
      post(`${base}/parked/${seq}/resolve`, { action: 'discard', ...decision });
    assert.equal((await resolve(first?.seq ?? '')).status, 200);
    const again = await resolve(first?.seq ?? '');
    assert.deepEqual(
      [again.status, ((await again.json()) as ProblemBody).type],
      [409, 'urn:durable-orders:problem:not-parked'],
    );
    stream.beforePublish = () => Promise.resolve();
    const retried = await outbox('retry', second?.seq ?? '', '--operator', 'maria', '--reason', 'fits now');
    assert.equal(retried.code, 0, retried.text);
    const wanted = [behind[0], bad[1], behind[1]].map((one) => one?.id);
    await eventually(
      () => Promise.resolve(wanted.every((id) => stream.published.some((row) => row.id === id)) || undefined),
      { what: 'what waited is published' },
    );
    assert.ok(!stream.published.some(({ id }) => id === bad[0]?.id));
    assert.deepEqual((await getJson<Parked>(`${base}/parked`)).parked, []);
  });

  it('names what is wrong with a request', async () => {
    const answer = await post(`${base}/parked/1/resolve`, { action: 'waive', ...decision });
    const { status, errors } = (await answer.json()) as ProblemBody;
    assert.deepEqual([status, errors?.[0]?.field], [400, 'action']);
    assert.equal((await fetch(`${base}/parked/none`)).status, 400);
    assert.match((await outbox('retry', 'one')).text, /retry needs the number/);
    assert.match((await outbox('retry', '1')).text, /needs --operator and --reason/);
    assert.equal((await outbox()).code, 2);
  });
});
