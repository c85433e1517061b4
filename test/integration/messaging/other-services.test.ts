import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, type ConsumerMessages, type NatsConnection } from 'nats';
import { freePort } from '../../../dev/servers/free-port.ts';
import type { RunningServer } from '../../../dev/servers/start-server.ts';
import { createTopology } from '../../../domain/topology.ts';
import { publishInOrder } from '../../../messaging/publish.ts';
import { ensureStream } from '../../../messaging/stream.ts';
import { newId } from '../../../platform/clock.ts';
import { asJson, orderHistory, stories } from '../../support/builders.ts';
import { startDeployedNats } from '../../support/deployed-nats.ts';
import { eventually } from '../../support/eventually.ts';
import { projectRoot } from '../../support/project-root.ts';
import { progress, testDataDir } from '../../support/servers.ts';
import { openCompletedOrders, rewardOrders, type CompletedOrder } from './walks/loyalty.ts';

const topology = createTopology();
const password = 'secret';

/** deploy/nats.conf with the user that docs/events.md says to add. */
async function withLoyaltyUser(): Promise<string> {
  const guide = await readFile(join(projectRoot, 'docs/events.md'), 'utf8');
  const user = /```conf\n([^]*?)```/.exec(guide)?.[1] ?? assert.fail('docs/events.md shows no user');
  const config = await readFile(join(projectRoot, 'deploy/nats.conf'), 'utf8');
  return config.replace('users = [', () => `users = [\n${user}`);
}

describe('another service, as docs/events.md says', function () {
  this.timeout(60_000);
  let server: RunningServer;
  let worker: NatsConnection;
  let loyalty: NatsConnection;

  before(async () => {
    const dir = join(await testDataDir(), `nats-other-services-${newId()}`);
    await mkdir(dir, { recursive: true });
    const config = join(dir, 'nats.conf');
    await writeFile(config, await withLoyaltyUser());
    const port = await freePort();
    const quoted = `"${password}"`;
    const env = {
      NATS_COMMAND_API_PASSWORD: quoted,
      NATS_WORKER_PASSWORD: quoted,
      NATS_PROJECTOR_PASSWORD: quoted,
      NATS_QUERY_API_PASSWORD: quoted,
      NATS_LOYALTY_PASSWORD: quoted,
    };
    server = await startDeployedNats({ dir, port, progress }, env, config);
    const as = (user: string): Promise<NatsConnection> =>
      connect({ servers: `127.0.0.1:${port}`, user, pass: password, inboxPrefix: `_INBOX.${user}` });
    worker = await as('worker');
    loyalty = await as('loyalty');
    await ensureStream(worker, topology);
  });
  after(async () => {
    await Promise.all([worker.close(), loyalty.close()]);
    await server.stop();
  });

  const publish = (events: readonly { id: string; type: string; aggregateId: string }[]): Promise<unknown> =>
    publishInOrder(
      worker,
      events.map((event) => ({
        // As after the window in which JetStream itself refuses repeats.
        id: newId(),
        subject: topology.subjectOf({ ...event, aggregateType: 'order' }),
        body: JSON.stringify(event),
        headers: {},
      })),
    );

  it('gets every completed order, also again, and what it cannot read waits with an error', async () => {
    const [one, other] = [orderHistory(stories.completed), orderHistory(stories.delivered)];
    const unknown = orderHistory(stories.completed)
      .slice(-1)
      .map((event) => ({ ...(asJson(event) as typeof event), schemaVersion: 2 }));
    await publish([...one, ...unknown, ...other, ...one]);

    const points = new Map<string, number>();
    const given: string[] = [];
    const failures: unknown[] = [];
    const givePoints = ({ id, aggregateId, data }: CompletedOrder): Promise<void> => {
      given.push(id);
      points.set(aggregateId, data.totalMinor);
      return Promise.resolve();
    };
    const messages: ConsumerMessages = await openCompletedOrders(loyalty);
    const rewarding = rewardOrders(messages, givePoints, (error) => failures.push(error));
    await eventually(() => Promise.resolve((given.length === 3 && failures.length >= 2) || undefined), {
      what: 'the service has read the stream, and the unknown version twice',
    });
    messages.stop();
    await rewarding;

    const completions = [one, other, one].map((history) => history[3]?.id);
    assert.deepEqual(given, completions);
    assert.deepEqual([...points.values()], [4_320, 4_320]);
    assert.match(String(failures[0]), /schemaVersion/);
  });

  it('can write no event, and take no event from a saga', async () => {
    for (const subject of [
      topology.subjectOf({ type: 'OrderCompleted', aggregateType: 'order', aggregateId: newId() }),
      `$JS.API.CONSUMER.INFO.ORDERS.${topology.orderSagaStarter}`,
      `$JS.API.CONSUMER.MSG.NEXT.ORDERS.${topology.orderSagaStarter}`,
    ])
      await assert.rejects(loyalty.request(subject, '', { timeout: 500 }), /permissions violation/i, subject);
  });
});
