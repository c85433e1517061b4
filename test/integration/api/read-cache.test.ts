import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import type { Principal } from '../../../api/auth/principal.ts';
import { createQueryApp } from '../../../api/query-app.ts';
import { followAppliedViews, type AppliedViews } from '../../../api/reading/applied-views.ts';
import { readTokenOf } from '../../../api/reading/read-token.ts';
import { connect } from '../../../db/connection.ts';
import { toEvent, type DomainEvent } from '../../../domain/events.ts';
import { PARTITIONS, type Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { newId, systemClock } from '../../../platform/clock.ts';
import { listen, type HttpServer } from '../../../platform/http-server.ts';
import { createLogger } from '../../../platform/logger.ts';
import { announceVisible } from '../../../projections/announce-visible.ts';
import { orderHistory, provenance, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { httpDeps, PRINCIPAL_HEADER, principalOfHeader } from '../../support/http.ts';
import { applyEvents } from '../../support/projections.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';

const leasesOf = (epoch: string) =>
  Array.from({ length: PARTITIONS }, (_, partition) => ({ partition, epoch }));
const operator: Principal = { subject: 'op', roles: ['operator'] };
const as = (principal: Principal) => ({ [PRINCIPAL_HEADER]: JSON.stringify(principal) });

/** A query process with a pool of its own. */
interface Process {
  readonly api: string;
  readonly applied: AppliedViews;
  /** Statements that read views, since the last call. */
  reads(): string[];
  close(): Promise<void>;
}

describe('copies of what is read often', () => {
  let database: TestDatabase;
  let messaging: Messaging;
  let topology: Topology;
  let projector: ReturnType<typeof announceVisible>;
  let processes: Process[];
  /** How much later than the others the query processes' clock is, in ms. */
  let laterMs = 0;

  before(async () => {
    database = await createTestDatabase();
    messaging = await testMessaging();
  });
  after(async () => {
    await messaging.close();
    await database.drop();
  });
  beforeEach(() => {
    topology = newTopology();
    projector = announceVisible(messaging, topology);
    processes = [];
    laterMs = 0;
  });
  afterEach(() => Promise.all(processes.map((process) => process.close())));

  async function start(maxCachedOrders = 100): Promise<Process> {
    const db = connect({ url: database.url, poolSize: 5, applicationName: 'test-query' });
    const clock = { now: () => new Date(Date.now() + laterMs) };
    const listening = await testMessaging();
    const logger = createLogger('test', 'silent');
    const applied = followAppliedViews({ messaging: listening, topology, clock, logger });
    const app = createQueryApp({
      ...httpDeps(),
      registry: new Registry(),
      authenticate: principalOfHeader,
      ...{ db, clock: systemClock, applied, maxCachedOrders, freshOrderWaitMs: 0 },
      ui: { url: 'http://127.0.0.1:8233', namespace: 'default' },
    });
    const server: HttpServer = await listen(app, '127.0.0.1', 0);
    let reads: string[] = [];
    db.on('query', ({ sql }: { sql: string }) => reads.push(sql));
    await listening.require().flush();
    const started: Process = {
      api: `http://127.0.0.1:${server.port}`,
      applied,
      reads: () => {
        const since = reads;
        reads = [];
        return since;
      },
      close: async () => {
        await server.close();
        applied.close();
        await listening.close();
        await db.destroy();
      },
    };
    processes.push(started);
    return started;
  }

  const commit = (events: readonly DomainEvent[]): Promise<unknown> => applyEvents(database.db, events);
  const announce = (events: readonly DomainEvent[] = [], { asOf = new Date(), epoch = '1' } = {}): void => {
    projector({ leases: leasesOf(epoch), events, heldUp: [], asOf });
  };
  /** All that was announced has been heard everywhere. */
  const untilHeard = (asOf: Date): Promise<true> =>
    eventually(
      () =>
        Promise.resolve(
          processes.every(({ applied }) => applied.asOf()?.getTime() === asOf.getTime()) || undefined,
        ),
      { what: 'the announcement is heard' },
    );
  async function announceAndHear(events: readonly DomainEvent[] = [], epoch = '1'): Promise<void> {
    const asOf = new Date();
    announce(events, { asOf, epoch });
    await untilHeard(asOf);
  }
  const get = (
    { api }: Process,
    path: string,
    headers: Record<string, string> = {},
    who = operator,
  ): Promise<Response> => fetch(api + path, { headers: { ...as(who), ...headers } });
  async function read(from: Process, path: string, headers?: Record<string, string>) {
    const response = await get(from, path, headers);
    assert.equal(response.status, 200);
    return {
      etag: response.headers.get('etag'),
      lag: response.headers.get('projection-lag'),
      body: await response.text(),
    };
  }
  const placed = async (): Promise<{ orderId: string; history: DomainEvent[]; path: string }> => {
    const orderId = newId();
    const history = orderHistory(stories.delivered, { orderId });
    await commit(history.slice(0, 1));
    return { orderId, history, path: `/orders/${orderId}` };
  };
  const REFUSED_AND_SHARED = 'read_cache_reads_total{view="figures",result="shared"} 19';
  const HOT = ['/products', '/analytics/sales?from=2026-03-01&to=2026-03-02'];

  it('are answered without asking the database, lag and all', async () => {
    const { path } = await placed();
    const process = await start();
    await announceAndHear();
    for (const hot of [path, `${path}/cancellation`, ...HOT]) await read(process, hot);
    process.reads();
    for (const hot of [path, `${path}/cancellation`, ...HOT]) await read(process, hot);
    assert.deepEqual(process.reads(), []);
  });

  it('go when an order is announced as held up', async () => {
    const { path, history } = await placed();
    const process = await start();
    await announceAndHear();
    await read(process, path);
    process.reads();
    const asOf = new Date();
    projector({ leases: leasesOf('1'), events: [], heldUp: [history[0]?.aggregateId ?? ''], asOf });
    await untilHeard(asOf);
    await read(process, path);
    assert.equal(process.reads().length, 1);
  });

  it('go when a change is announced, and those of other orders stay', async () => {
    const [one, other] = [await placed(), await placed()];
    const process = await start();
    await announceAndHear();
    for (const hot of [one.path, other.path, ...HOT]) await read(process, hot);
    await commit(one.history.slice(1, 4));
    await announceAndHear(one.history.slice(1, 4));
    process.reads();
    assert.match((await read(process, one.path)).body, /"status":"COMPLETED"/);
    const readsOfOne = process.reads().length;
    assert.equal(readsOfOne, 1);
    await read(process, other.path);
    await read(process, '/products');
    assert.deepEqual(process.reads(), []);
    await read(process, HOT[1] ?? '');
    assert.equal(process.reads().length, 1);
  });

  it('go however the id of the order was written', async () => {
    const { path, history } = await placed();
    const process = await start();
    await announceAndHear();
    await read(process, path.toUpperCase().replace('/ORDERS', '/orders'));
    await commit(history.slice(1, 2));
    await announceAndHear(history.slice(1, 2));
    const { body } = await read(process, path.toUpperCase().replace('/ORDERS', '/orders'));
    assert.match(body, /"version":2,/);
  });

  it('of products go when products change', async () => {
    const process = await start();
    await announceAndHear();
    await read(process, '/products');
    const at = { id: newId(), aggregateId: 'KETTLE', aggregateVersion: 1, occurredAt: new Date() };
    const listed = toEvent(
      { type: 'ProductListed', data: { name: 'Kettle', priceMinor: 1, currency: 'EUR' } },
      at,
      provenance,
    );
    await commit([listed]);
    await announceAndHear([listed]);
    assert.match((await read(process, '/products')).body, /KETTLE/);
  });

  it('are the same from every process while orders change, with the same ETag', async () => {
    const { path, history } = await placed();
    const [one, other] = [await start(), await start()];
    await announceAndHear();
    for (const event of history.slice(1)) {
      await Promise.all([read(one, path), read(other, path)]);
      await commit([event]);
      await announceAndHear([event]);
      const [first, second] = [await read(one, path), await read(other, path)];
      assert.deepEqual([first.etag, first.body], [second.etag, second.body]);
      assert.match(first.body, new RegExp(`"version":${event.aggregateVersion},`));
      const unchanged = await get(other, path, { 'If-None-Match': first.etag ?? '' });
      assert.equal(unchanged.status, 304);
    }
  });

  it('are never older than the lag that the answer tells', async () => {
    const { path, history } = await placed();
    const process = await start();
    await announceAndHear();
    /** When each version was committed on the write side, which is before it is in the views. */
    const committedAt: number[] = [0, 0];
    const reading = new AbortController();
    let answers = 0;
    const readers = Array.from({ length: 6 }, async () => {
      while (!reading.signal.aborted) {
        const askedAt = Date.now();
        const { lag, body } = await read(process, path);
        const asOf = askedAt - Number(lag) * 1_000;
        const { version } = JSON.parse(body) as { version: number };
        const due = committedAt.findLastIndex((at) => at < asOf - 1);
        assert.ok(
          version >= due,
          `version ${version} is told to be as of a time at which ${due} was committed`,
        );
        answers += 1;
      }
    });
    for (const event of history.slice(1)) {
      for (let round = 0; round < 5; round++) {
        const asOf = new Date();
        announce([], { asOf });
        await eventually(() => Promise.resolve(answers > 20 * round || undefined), {
          what: 'copies are read',
        });
      }
      committedAt[event.aggregateVersion] = Date.now();
      await commit([event]);
      announce([event], { asOf: new Date() });
      answers = 0;
    }
    reading.abort();
    await Promise.all(readers);
  });

  it('are kept only when nothing was announced while they were loaded', async () => {
    const { path, history } = await placed();
    const process = await start();
    await announceAndHear();
    // The row is locked away from readers, so that the query is under way while the change comes.
    const blocker = await database.db.transaction();
    await blocker.raw('lock table read.order_summary in access exclusive mode');
    const asked = read(process, path);
    await eventually(() => Promise.resolve(process.reads().length > 0 || undefined), {
      what: 'the query is under way',
    });
    await announceAndHear(history.slice(1, 2));
    await blocker.rollback();
    await asked;
    process.reads();
    await read(process, path);
    assert.equal(process.reads().length, 1);
  });

  const doubts: Record<string, () => Promise<void>> = {
    'an announcement was missed': async () => {
      const missed = { ...messaging, current: undefined };
      // Another connection of the same projector would count anew: this one loses a message.
      const losing = announceVisible(
        Object.defineProperty({ ...messaging }, 'current', {
          get: () => (isLosing ? missed.current : messaging.current),
        }),
        topology,
      );
      let isLosing = false;
      const first = new Date();
      losing({ leases: leasesOf('1'), events: [], heldUp: [], asOf: first });
      await untilHeard(first);
      await Promise.all(processes.map((process) => read(process, path)));
      isLosing = true;
      losing({ leases: leasesOf('1'), events: [], heldUp: [], asOf: new Date() });
      isLosing = false;
      const last = new Date();
      losing({ leases: leasesOf('1'), events: [], heldUp: [], asOf: last });
      await untilHeard(last);
    },
    'a partition has changed hands': () => announceAndHear([], '2'),
    'nothing was heard for a moment': () => {
      laterMs = 1_001;
      return Promise.resolve();
    },
    'a projector does not know how far it is': async () => {
      projector({ leases: [{ partition: 3, epoch: '1' }], events: [], heldUp: [], asOf: undefined });
      await eventually(() => Promise.resolve(processes[0]?.applied.asOf() === undefined || undefined), {
        what: 'that is heard',
      });
    },
  };
  let path: string;
  for (const [doubt, happens] of Object.entries(doubts))
    it(`are not trusted when ${doubt}`, async () => {
      ({ path } = await placed());
      const process = await start();
      await announceAndHear();
      await read(process, path);
      await happens();
      process.reads();
      await read(process, path);
      assert.ok(process.reads().some((sql) => sql.includes('order_summary')));
    });

  it('will not do for a read token', async () => {
    const { path, orderId, history } = await placed();
    const process = await start();
    await announceAndHear();
    await read(process, path);
    // Committed, and not announced yet.
    await commit(history.slice(1, 2));
    const token = { 'Read-Token': readTokenOf({ orderId, version: 2 }) };
    assert.match((await read(process, path, token)).body, /"version":2,/);
    assert.match((await read(process, path)).body, /"version":2,/, 'and who asks next sees no less');
  });

  it('are shown to nobody who may not see them', async () => {
    const { path } = await placed();
    const process = await start();
    await announceAndHear();
    const customer = (customerId: string): Principal => ({ subject: 'c', roles: ['customer'], customerId });
    assert.equal((await get(process, path, {}, customer('customer-1'))).status, 200);
    assert.equal((await get(process, path, {}, customer('customer-2'))).status, 404);
    assert.equal((await get(process, HOT[1] ?? '')).status, 200);
    assert.equal((await get(process, HOT[1] ?? '', {}, customer('customer-1'))).status, 403);
  });

  it('are shared by those who ask at the same time', async () => {
    const { path } = await placed();
    const process = await start();
    await announceAndHear();
    const blocker = await database.db.transaction();
    await blocker.raw('lock table read.order_summary in access exclusive mode');
    const asked = Array.from({ length: 20 }, () => read(process, path));
    let reads = 0;
    await eventually(() => Promise.resolve((reads += process.reads().length) > 0 || undefined), {
      what: 'it is asked',
    });
    await blocker.rollback();
    await Promise.all(asked);
    assert.equal(reads + process.reads().length, 1);
  });

  it('are not needed to share: who may see no copy is in the next query, with all the others', async () => {
    const process = await start();
    const sales = HOT[1] ?? '';
    const isOfSales = (sql: string): boolean => sql.includes('sales');
    const blocker = await database.db.transaction();
    await blocker.raw('lock table read.sales in access exclusive mode');
    const first = read(process, sales);
    let queries = 0;
    const untilAsked = (count: number): Promise<true> =>
      eventually(
        () => Promise.resolve((queries += process.reads().filter(isOfSales).length) >= count || undefined),
        { what: 'the query is under way' },
      );
    await untilAsked(1);
    const later = Array.from({ length: 20 }, () => read(process, sales));
    await eventually(
      async () => (await (await get(process, '/metrics')).text()).includes(REFUSED_AND_SHARED) || undefined,
      { what: 'all others wait for the next one' },
    );
    await blocker.rollback();
    await Promise.all([first, ...later]);
    assert.equal(queries + process.reads().filter(isOfSales).length, 2);
  });

  it('are sent to HEAD as well, without the body', async () => {
    const { path } = await placed();
    const process = await start();
    await announceAndHear();
    const { etag, body } = await read(process, path);
    const head = await fetch(process.api + path, { method: 'HEAD', headers: as(operator) });
    const { headers } = head;
    assert.deepEqual(
      [head.status, headers.get('etag'), headers.get('content-length'), await head.text()],
      [200, etag, String(Buffer.byteLength(body)), ''],
    );
  });

  it('are not kept where they are switched off', async () => {
    const { path } = await placed();
    const process = await start(0);
    await announceAndHear();
    for (const _ of [1, 2]) await read(process, path);
    assert.equal(process.reads().length, 2);
  });
});
