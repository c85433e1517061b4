import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Messaging } from '../../../messaging/connection.ts';
import { createTopology } from '../../../domain/topology.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { store } from '../../support/live-api.ts';
import { readEvents } from '../../support/live-events.ts';
import { testMessaging } from '../../support/messaging.ts';
import { createProcesses, entryPoints, type Processes } from '../../support/processes.ts';
import { natsUrl, testDataDir } from '../../support/servers.ts';

const PREFIX = 'live-process-';

describe('the query API as a process', function () {
  this.timeout(60_000);
  let database: TestDatabase;
  let messaging: Messaging;
  let processes: Processes<'query-api'>;
  const topology = createTopology(PREFIX);

  before(async () => {
    database = await createTestDatabase();
    messaging = await testMessaging();
    await ensureStream(messaging.require(), topology);
    await store(messaging, topology, orderHistory(stories.outOfStock));
    processes = await createProcesses(
      { 'query-api': entryPoints['query-api'] },
      {
        logDir: join(await testDataDir(), 'logs', 'live-process'),
        env: {
          DATABASE_URL: database.url,
          NATS_URL: await natsUrl(),
          STREAM_PREFIX: PREFIX,
          AUTH_DEMO: 'true',
          MAX_LIVE_CONNECTIONS: '1',
        },
      },
    );
  });
  after(async () => {
    await processes.stopAll();
    await messaging.close();
    await database.drop();
  });

  it('sends live events, as many as it is set to, and sends their readers away when it is told to stop', async () => {
    await processes.start('query-api');
    const url = `${processes.urls['query-api']}/events?from=start`;
    const reader = await readEvents(url);
    assert.deepEqual(
      (await reader.take(2)).map(({ event }) => event),
      ['OrderCreated', 'OrderCancelled'],
    );
    assert.equal((await fetch(url)).status, 503);
    const [code, rest] = await Promise.all([processes.stop('query-api'), reader.rest()]);
    assert.deepEqual([code, rest], [0, []]);
  });

  it('is ready, and serves reads, while there is no NATS; who wants to follow events gets 503', async () => {
    await processes.start('query-api', { env: { NATS_URL: 'nats://127.0.0.1:9' } });
    const base = processes.urls['query-api'];
    assert.equal((await fetch(`${base}/orders`)).status, 200);
    assert.equal((await fetch(`${base}/events`)).status, 503);
    assert.equal(await processes.stop('query-api'), 0);
  });
});
