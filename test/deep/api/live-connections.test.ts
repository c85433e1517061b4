import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import type { Principal } from '../../../api/auth/principal.ts';
import type { OrderEvent } from '../../../domain/events.ts';
import type { Topology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { PRINCIPAL_HEADER, type ProblemBody } from '../../support/http.ts';
import { serveLiveApi, store, type LiveApi } from '../../support/live-api.ts';
import { liveConnections, readEvents, type EventReader } from '../../support/live-events.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { ownNats, type OwnServer } from '../../support/own-servers.ts';

const operatorNamed = (subject: string): Principal => ({ subject, roles: ['operator'] });
const operator = operatorNamed('ops');

describe('a connection on which live events are sent', function () {
  this.timeout(30_000);
  let database: TestDatabase;
  let nats: OwnServer;
  let messaging: Messaging;
  let topology: Topology;
  let api: LiveApi | undefined;

  before(async () => {
    database = await createTestDatabase();
    nats = await ownNats();
    messaging = await testMessaging(nats.url);
  });
  beforeEach(async () => {
    topology = newTopology();
    await ensureStream(messaging.require(), topology);
  });
  afterEach(async () => {
    await api?.close();
    api = undefined;
  });
  after(async () => {
    await messaging.close();
    await nats.remove();
    await database.drop();
  });

  async function serve(changes: Parameters<typeof liveConnections>[0] = {}): Promise<LiveApi> {
    api = await serveLiveApi({
      db: database.db,
      messaging,
      topology,
      connections: liveConnections(changes),
    });
    return api;
  }
  const read = ({ url }: LiveApi, principal = operator, path = '/events'): Promise<EventReader> =>
    readEvents(`${url}${path}`, { principal });
  const ask = ({ url }: LiveApi, principal = operator): Promise<Response> =>
    fetch(`${url}/events`, { headers: { [PRINCIPAL_HEADER]: JSON.stringify(principal) } });

  async function assertRefused(response: Response, type: string, why: RegExp): Promise<void> {
    assert.equal(response.status, 503);
    assert.match(response.headers.get('retry-after') ?? '', /^\d+$/);
    const problem = (await response.json()) as ProblemBody;
    assert.equal(problem.type, `urn:durable-orders:problem:${type}`);
    assert.match(problem.detail ?? '', why);
  }

  it('is one of a bounded number, all together and for each caller, and makes room when it ends', async () => {
    const registry = new Registry();
    const live = await serve({ limits: { connections: 3, perCaller: 2 }, registry });
    const readers = [await read(live), await read(live)];
    await assertRefused(await ask(live), 'overloaded', /2 connections; close one/);
    await read(live, operatorNamed('other'));
    await assertRefused(await ask(live, operatorNamed('third')), 'overloaded', /too many readers/);
    assert.match(await registry.metrics(), /^live_connections\{route="\/events"\} 3$/m);
    readers[0]?.close();
    await eventually(async () => ((await read(live)).status === 200 ? true : undefined), {
      what: 'there is room again',
    });
    assert.match(
      await registry.metrics(),
      /^live_connections_ended_total\{route="\/events",reason="left"\} 1$/m,
    );
  });

  it('shows signs of life while nothing happens', async () => {
    const reader = await read(await serve({ heartbeatMs: 20 }));
    const reading = reader.next();
    await eventually(() => Promise.resolve(reader.asides.filter((aside) => aside === ': ')[2]), {
      what: 'three signs of life',
    });
    await store(messaging, topology, orderHistory(stories.outOfStock));
    assert.equal((await reading).event, 'OrderCreated');
  });

  it('ends when the token expires', async () => {
    const registry = new Registry();
    const live = await serve({ registry });
    const until = Date.now() + 300;
    const reader = await read(live, { ...operator, expiresAt: until });
    assert.deepEqual(await reader.rest(), []);
    assert.ok(Date.now() >= until - 5, 'not before');
    assert.match(await registry.metrics(), /reason="expired"\} 1$/m);
  });

  it('ends when the process does, within a moment, also with a reader who takes nothing', async () => {
    const registry = new Registry();
    const live = await serve({ registry });
    const reader = await read(live);
    const idle = await read(live, operator, '/events?from=start');
    await store(messaging, topology, large(200));
    await stalled(live);
    const startedAt = Date.now();
    await live.close();
    api = undefined;
    assert.ok(Date.now() - startedAt < 3_000, `${Date.now() - startedAt} ms`);
    await reader.rest();
    idle.close();
    assert.match(await registry.metrics(), /reason="shutdown"\} 2$/m);
  });

  it('is none once the process ends', async () => {
    const live = await serve();
    live.connections.close();
    await assertRefused(await ask(live), 'unavailable', /this process ends/);
  });

  it('of a slow reader keeps a bounded part of what comes, and nothing is lost to them', async () => {
    const live = await serve();
    const slow = await read(live);
    const fast = await read(live);
    const events = large(400);
    const reading = fast.take(events.length);
    await store(messaging, topology, events);
    await reading;
    const kept = Math.max(...live.responses.map((response) => response.writableLength));
    const published = JSON.stringify(events).length;
    assert.ok(kept < 500_000 && published > 15_000_000, `${kept} of ${published} bytes are kept`);
    const ids = (await slow.take(events.length)).map(({ id }) => Number(id.split('/')[1]));
    assert.deepEqual(
      ids,
      Array.from(events.keys(), (index) => index + 1),
    );
    slow.close();
    fast.close();
  });

  it('of a reader who takes nothing for too long is cut', async () => {
    const registry = new Registry();
    const live = await serve({ stalledAfterMs: 200, registry });
    const idle = await read(live);
    await store(messaging, topology, large(200));
    await eventually(async () => /reason="stalled"\} 1$/m.exec(await registry.metrics()) ?? undefined, {
      what: 'the reader is cut off',
    });
    await eventually(() => Promise.resolve(live.responses.length === 0 || undefined), {
      what: 'its connection is closed',
    });
    idle.close();
  });

  // The last one: it takes the server away.
  it('ends when NATS does; new ones get 503 at once, orders are shown, and it goes on when NATS is back', async () => {
    const live = await serve();
    await store(messaging, topology, orderHistory(stories.outOfStock));
    const reader = await read(live, operator, '/events?from=start');
    const [, last] = await reader.take(2);
    await nats.kill();
    const killedAt = Date.now();
    assert.deepEqual(await reader.rest(), [], 'the reader is sent away');
    assert.ok(Date.now() - killedAt < 2_000, 'and not only when a question to NATS gets no answer');
    await assertRefused(await ask(live), 'unavailable', /cannot be followed now/);
    const orders = await fetch(`${live.url}/orders`, {
      headers: { [PRINCIPAL_HEADER]: JSON.stringify(operator) },
    });
    assert.equal(orders.status, 200);
    await nats.start();
    const again = await eventually(
      async () => {
        const candidate = await readEvents(`${live.url}/events`, {
          principal: operator,
          lastEventId: last?.id ?? '',
        });
        return candidate.status === 200 ? candidate : undefined;
      },
      { what: 'events can be followed again' },
    );
    await store(messaging, topology, orderHistory(stories.completed));
    assert.equal((await again.next()).id.split('/')[1], '3');
    again.close();
  });

  /** Orders of 500 lines, some 40 KB each. */
  function large(count: number): OrderEvent[] {
    const [placed] = stories.completed;
    const line = { sku: 'A'.repeat(40), quantity: 1, unitPriceMinor: 1_890 };
    const data = { ...placed.data, lines: Array.from({ length: 500 }, () => line) };
    return Array.from({ length: count }, () => orderHistory([{ ...placed, data }])).flat();
  }

  /** Resolves when a connection has no room for more. */
  const stalled = ({ responses }: LiveApi): Promise<true> =>
    eventually(() => Promise.resolve(responses.some((response) => response.writableNeedDrain) || undefined), {
      what: 'a reader is behind',
    });
});
