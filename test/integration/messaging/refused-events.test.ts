import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StreamConfig } from 'nats';
import { createStreamPublisher } from '../../../activities/outbox-relay/stream-publisher.ts';
import type { Publisher } from '../../../db/outbox/ports.ts';
import type { OutboxRow } from '../../../db/outbox/rows.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import type { RunningServer } from '../../../dev/servers/start-server.ts';
import type { Topology } from '../../../domain/topology.ts';
import { connectMessaging, type Messaging } from '../../../messaging/connection.ts';
import { createLogger } from '../../../platform/logger.ts';
import { startDeployedNats } from '../../support/deployed-nats.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { outboxEvent } from '../../support/outbox-writers.ts';
import { progress, testDataDir } from '../../support/servers.ts';

const rows = (count: number, change: Partial<OutboxRow> = {}): OutboxRow[] =>
  Array.from({ length: count }, (_, n) => ({
    ...outboxEvent(`a${n}`, 1),
    shard: 0,
    seq: String(n),
    payload: JSON.stringify({ text: 'x'.repeat(500) }),
    ...change,
  }));

describe('what a stream refuses', function () {
  this.timeout(60_000);
  let messaging: Messaging;
  let topology: Topology;
  let publisher: Publisher;

  before(async () => {
    messaging = await testMessaging();
  });
  after(() => messaging.close());
  beforeEach(async () => {
    topology = newTopology();
    publisher = await open(messaging);
  });

  async function open(on: Messaging): Promise<Publisher> {
    const opened = createStreamPublisher({ messaging: on, topology, onPage: () => undefined });
    await opened.position();
    return opened;
  }
  const change = async (config: Partial<StreamConfig>): Promise<unknown> =>
    (await messaging.require().jetstreamManager()).streams.update(topology.stream, config);
  /** As a batch, and one by one. */
  async function refusals(refused: Partial<OutboxRow> = {}): Promise<unknown[]> {
    const found: unknown[] = [];
    for (const count of [1, 10])
      found.push(
        await publisher.publish(rows(count, refused)).then(
          () => 'taken',
          (error: unknown) => ({ ...(error as object), message: (error as Error).message }),
        ),
      );
    return found;
  }
  const twice = (one: object): object[] => [one, one];
  const rowsAtFault = (message: string): object[] => twice({ name: 'RowsRefusedError', message });

  it('is the event’s own fault when it is too large for the stream, or cannot be sent to its subject or with its headers', async () => {
    for (const aggregateId of ['with blank', 'two\r\nPUB x 0', '', '*', 'x'.repeat(5_000), 'é'.repeat(600)])
      assert.deepEqual(await refusals({ aggregateId }), rowsAtFault('NATS does not accept the subject'));
    const broken = { headers: { note: 'one\ntwo' } };
    assert.deepEqual(await refusals(broken), rowsAtFault('NATS does not accept a header of the event'));
    for (const value of [1, null, { a: 'b' }])
      assert.deepEqual(
        await refusals({ headers: { attempt: value as unknown as string } }),
        rowsAtFault('a header of the event is not text'),
      );
    for (const headers of [null, 7, ['a']])
      assert.deepEqual(
        await refusals({ headers: headers as unknown as OutboxRow['headers'] }),
        rowsAtFault('the headers of the event are not a JSON object'),
      );
    const large = { headers: { note: 'x'.repeat(70_000) } };
    assert.deepEqual(
      (await refusals(large))[0],
      rowsAtFault('the headers of the event are larger than JetStream accepts')[0],
    );
    await change({ max_msg_size: 300 });
    assert.deepEqual((await refusals())[0], rowsAtFault('the event is larger than the stream accepts')[0]);
  });

  it('is nobody’s fault while the stream has no room', async () => {
    await change({ max_bytes: 100 });
    const message = 'the stream has no room (JetStream error 10077)';
    assert.deepEqual(await refusals(), twice({ name: 'StreamRefusedError', message, mayBeOneRow: false }));
  });

  it('may be anybody’s fault when the stream is sealed or gone', async () => {
    await change({ sealed: true });
    const message = 'the stream refused the event with JetStream error 10109';
    const sealed = { name: 'StreamRefusedError', message, mayBeOneRow: true };
    assert.deepEqual((await refusals())[0], sealed);
    await (await messaging.require().jetstreamManager()).streams.delete(topology.stream);
    assert.deepEqual(await refusals(), twice({ ...sealed, message: 'no stream takes the subject' }));
  });

  describe('of an account', () => {
    let server: RunningServer;
    let limited: Messaging;

    before(async () => {
      const dir = join(await testDataDir(), 'nats-limited-account');
      await mkdir(dir, { recursive: true });
      const config = join(dir, 'limited.conf');
      await writeFile(
        config,
        'jetstream {}\naccounts { A: { jetstream: { max_file: 4096, max_mem: 1048576 }, users: [{ user: worker, password: "w" }] } }\n',
      );
      const port = await freePort();
      server = await startDeployedNats({ dir, port, progress }, { NATS_WORKER_PASSWORD: 'w' }, config);
      const logger = createLogger('test', 'silent');
      const url = `nats://127.0.0.1:${port}`;
      limited = connectMessaging({ url, user: 'worker', password: 'w', name: 'worker', logger });
      await limited.firstConnection;
    });
    after(async () => {
      await limited.close();
      await server.stop();
    });

    it('that has used up its storage is nobody’s fault', async () => {
      publisher = await open(limited);
      const tenTimes = async (): Promise<void> => {
        for (const row of rows(10)) await publisher.publish([row]);
      };
      await assert.rejects(tenTimes, {
        name: 'StreamRefusedError',
        message: 'the stream has no room (JetStream error 10002)',
        mayBeOneRow: false,
      });
    });
  });
});
