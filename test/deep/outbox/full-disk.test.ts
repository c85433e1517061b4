import assert from 'node:assert/strict';
import { join } from 'node:path';
import {
  createStreamPublisher,
  NothingStoredError,
} from '../../../activities/outbox-relay/stream-publisher.ts';
import type { OutboxRow } from '../../../db/outbox/rows.ts';
import { freePort } from '../../../dev/servers/free-port.ts';
import { startNats, type NatsServer } from '../../../dev/servers/nats.ts';
import type { Messaging } from '../../../messaging/connection.ts';
import { eventually } from '../../support/eventually.ts';
import { newTopology, testMessaging } from '../../support/messaging.ts';
import { outboxEvent } from '../../support/outbox-writers.ts';
import { progress } from '../../support/servers.ts';
import { mountSmallDisk, MountRefusedError, type SmallDisk } from '../../support/small-disk.ts';

const DISK_MB = 40;
const rowOf = (id: string): OutboxRow => ({
  ...outboxEvent(id, 1),
  shard: 0,
  seq: '1',
  payload: JSON.stringify({ text: 'x'.repeat(50_000) }),
});

describe('the disk of nats-server is full', function () {
  this.timeout(120_000);
  let disk: SmallDisk;
  let port: number;
  let server: NatsServer | undefined;
  let messaging: Messaging;

  const start = async (): Promise<NatsServer> => startNats({ dir: join(disk.dir, 'nats'), port, progress });

  before(async function () {
    try {
      disk = await mountSmallDisk(DISK_MB);
    } catch (error) {
      if (!(error instanceof MountRefusedError)) throw error;
      progress(`skipped: ${error.message}`);
      this.skip();
    }
    port = await freePort();
    server = await start();
    messaging = await testMessaging(server.url);
  });
  after(async () => {
    if (!server) return;
    await messaging.close();
    await server.stop();
    await disk.unmount();
  });

  it('it is named, lasts when there is room again, and ends with a restart of nats-server', async () => {
    const topology = newTopology();
    const publisher = createStreamPublisher({ messaging, topology, onPage: () => undefined });
    await publisher.position();
    await publisher.publish([rowOf('before')]);
    await disk.fill();
    await assert.rejects(publisher.publish([rowOf('full')]), NothingStoredError);
    await disk.free();
    await assert.rejects(
      publisher.publish([rowOf('room-again')]),
      NothingStoredError,
      'see docs/operations.md',
    );
    await server?.stop();
    server = await start();
    const { lastSequence } = await eventually(
      async () => {
        await publisher.position();
        return publisher.publish([rowOf('restarted')]);
      },
      { what: 'it stores again', withinMs: 30_000 },
    );
    assert.equal(lastSequence, 2, 'what was stored before is still there');
  });
});
