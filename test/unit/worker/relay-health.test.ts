import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { NothingStoredError } from '../../../activities/outbox-relay/stream-publisher.ts';
import { StreamRefusedError } from '../../../db/outbox/errors.ts';
import { createRelayHealth } from '../../../worker/relay-health.ts';
import { silentObserver } from '../../support/outbox-readers.ts';

describe('the health of the relays', () => {
  const full = new StreamRefusedError('the stream has no room', { mayBeOneRow: false });
  const open = () => {
    const registry = new Registry();
    let now = new Date();
    const health = createRelayHealth(registry, { now: () => now });
    const watcher = health.watching({ ...silentObserver, page: () => undefined, failed: () => undefined });
    const wait = (ms: number): void => {
      now = new Date(now.getTime() + ms);
    };
    return { registry, health, watcher, wait };
  };

  it('says why a relay of this process publishes nothing, until it publishes again', async () => {
    const { registry, health, watcher } = open();
    health.seen(['PUBLISHES', 'PUBLISHES']);
    await health.check();
    watcher.failed(1, full, 50);
    await assert.rejects(health.check(), /^NotReady: outbox-relay-1 cannot publish: the stream has no room$/);
    assert.match(await registry.metrics(), /^outbox_relay_refused\{shard="1"\} 1$/m);
    watcher.published(1, [], 0);
    await health.check();
    assert.doesNotMatch(await registry.metrics(), /outbox_relay_refused\{/);
  });

  it('tells a server that stores nothing from other refusals: then nothing can go on', async () => {
    const { health, watcher } = open();
    watcher.failed(0, full, 50);
    await health.checkStored();
    watcher.failed(1, new NothingStoredError(new Error('TIMEOUT')), 50);
    await assert.rejects(health.checkStored(), /^NotReady: nats-server answers and stores nothing.*restart/);
    await assert.rejects(
      health.check(),
      /outbox-relay-1 cannot publish: nats-server answers and stores nothing/,
    );
    watcher.published(1, [], 0);
    await health.checkStored();
  });

  it('says nothing of other failures, which other checks name, nor of a relay that another process has taken', async () => {
    const { health, watcher, wait } = open();
    watcher.failed(0, new Error('connection lost'), 50);
    await health.check();
    watcher.failed(0, full, 50);
    wait(60_000);
    await health.check();
  });
});
