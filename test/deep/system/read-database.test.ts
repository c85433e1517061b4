import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { migrate } from '../../../db/migrate.ts';
import { createTopology } from '../../../domain/topology.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { announceRelayed } from '../../../messaging/relayed.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { installProjections } from '../../../projections/kit/install.ts';
import { projections } from '../../../projections/projections.ts';
import { orderHistory, stories } from '../../support/builders.ts';
import { createEmptyDatabase, type TestDatabase } from '../../support/database.ts';
import { eventually } from '../../support/eventually.ts';
import { getJson } from '../../support/http.ts';
import { testMessaging } from '../../support/messaging.ts';
import { createProcesses, entryPoints, type Processes, type ProcessName } from '../../support/processes.ts';
import { natsUrl, testDataDir } from '../../support/servers.ts';
import { messageOf } from '../../support/stream.ts';

interface OrderView {
  readonly status: string;
  readonly version: number;
}

describe('read tables in a database of their own', function () {
  this.timeout(60_000);
  const prefix = `test-${randomBytes(4).toString('hex')}-`;
  const topology = createTopology(prefix);
  const asked = ['one', 'other'] as const;
  let write: TestDatabase;
  let read: TestDatabase;
  let messaging: Messaging;
  let projector: Processes<ProcessName>;
  let queryApis: Record<(typeof asked)[number], Processes<ProcessName>>;

  before(async () => {
    [write, read, messaging] = await Promise.all([
      createEmptyDatabase(),
      createEmptyDatabase(),
      testMessaging(),
    ]);
    await migrate({ write: write.db, read: read.db });
    await installProjections(read.db, projections);
    await ensureStream(messaging.require(), topology);
    const env = {
      DATABASE_URL: write.url,
      READ_DATABASE_URL: read.url,
      NATS_URL: await natsUrl(),
      STREAM_PREFIX: prefix,
      AUTH_DEMO: 'true',
    };
    const logs = join(await testDataDir(), 'logs', prefix);
    const create = (name: string) => createProcesses(entryPoints, { logDir: join(logs, name), env });
    projector = await create('projector');
    queryApis = { one: await create('one'), other: await create('other') };
    await Promise.all([
      projector.start('projector'),
      ...asked.map((name) => queryApis[name].start('query-api')),
    ]);
  });
  after(async () => {
    await Promise.all([projector, ...asked.map((name) => queryApis[name])].map((one) => one.stopAll()));
    const manager = await messaging.require().jetstreamManager();
    await manager.streams.delete(topology.stream);
    await messaging.close();
    await Promise.all([write.drop(), read.drop()]);
  });

  it('are filled by the projector, and two query processes answer alike from copies that follow', async () => {
    const { rows } = await write.db.raw<{ rows: unknown[] }>(
      "select from pg_namespace where nspname = 'read'",
    );
    assert.equal(rows.length, 0, 'the write database has no read tables');
    const created = await ensureStream(messaging.require(), topology);
    const orderId = newId();
    const history = orderHistory(stories.delivered, { orderId });
    const publish = async (events: typeof history): Promise<void> => {
      const { lastSequence } = await publishInOrder(
        messaging.require(),
        events.map((event) => messageOf(topology, event)),
      );
      const relayed = { asOf: new Date(), created: created.created, lastSequence };
      for (const shard of [0, 1]) announceRelayed(messaging, topology, shard, relayed);
    };
    const etags = async (): Promise<(string | null)[]> =>
      Promise.all(
        asked.map(async (name) => {
          const response = await fetch(`${queryApis[name].urls['query-api']}/orders/${orderId}`);
          return response.headers.get('etag');
        }),
      );
    for (let next = 0; next < history.length; next++) {
      await publish(history.slice(next, next + 1));
      for (const name of asked)
        await eventually(
          async () => {
            const url = `${queryApis[name].urls['query-api']}/orders/${orderId}`;
            return (await getJson<OrderView>(url)).version === next + 1 || undefined;
          },
          { what: `version ${next + 1} is answered` },
        );
      const [one, other] = await etags();
      assert.equal(one, other);
    }
    await eventually(
      async () => {
        await etags();
        const metrics = await Promise.all(
          asked.map(async (name) => (await fetch(`${queryApis[name].urls['query-api']}/metrics`)).text()),
        );
        const isHit = (text: string) => /^read_cache_reads_total\{.*result="hit".*\} [1-9]/m.test(text);
        return metrics.every(isHit) || undefined;
      },
      { what: 'both answer from copies' },
    );
    const metrics = await (await fetch(`${projector.urls.projector}/metrics`)).text();
    assert.match(metrics, /^projection_visible_seconds_count\{.*\} 7$/m);
  });
});
