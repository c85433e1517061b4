import { Gauge, type Registry } from 'prom-client';
import type { RelayWatcher } from '../activities/outbox-relay/activities.ts';
import { StreamRefusedError } from '../db/outbox/errors.ts';
import { NothingStoredError } from '../activities/outbox-relay/stream-publisher.ts';
import { relayWorkflowId } from '../domain/topology.ts';
import type { Clock } from '../platform/clock.ts';
import { NotReady } from '../platform/readiness.ts';
import type { RelayState } from './relays.ts';

interface RelayHealth {
  /** Takes how each shard's relay is; undefined while Temporal does not say. */
  readonly seen: (states: readonly RelayState[] | undefined) => void;
  /** Learns also from the relays of this process, whether the stream takes their events. */
  readonly watching: (watcher: RelayWatcher) => RelayWatcher;
  /** For `/readyz`. @throws NotReady naming the relays that do not publish */
  readonly check: () => Promise<void>;
  /** For `/readyz`. @throws NotReady while NATS answers a relay of this process and stores nothing */
  readonly checkStored: () => Promise<void>;
}

/**
 * A relay tries again within 2 s and waits 10 s for an answer, so one that has not been refused for this long is no longer
 * this process's.
 */
const FORGET_AFTER_MS = 30_000;

/** What this process knows of the relays, which any worker may run. */
export function createRelayHealth(registry: Registry, clock: Clock): RelayHealth {
  let known: readonly RelayState[] | undefined;
  const refused = new Map<number, { readonly why: StreamRefusedError; readonly at: number }>();
  const refusals = (): [shard: number, why: StreamRefusedError][] =>
    [...refused].flatMap(([shard, { why, at }]) =>
      clock.now().getTime() - at < FORGET_AFTER_MS ? [[shard, why]] : [],
    );
  new Gauge({
    name: 'outbox_relay_refused',
    help: 'Whether the event stream refuses what a relay of this process publishes; absent for others',
    labelNames: ['shard'],
    registers: [registry],
    collect: function () {
      this.reset();
      for (const [shard] of refusals()) this.set({ shard }, 1);
    },
  });
  new Gauge({
    name: 'outbox_relay_running',
    help: 'Whether a worker publishes the shard; absent while Temporal does not answer',
    labelNames: ['shard'],
    registers: [registry],
    collect: function () {
      this.reset();
      known?.forEach((state, shard) => {
        this.set({ shard }, state === 'PUBLISHES' ? 1 : 0);
      });
    },
  });
  return {
    seen: (states) => {
      known = states;
    },
    watching: (watcher) => ({
      ...watcher,
      published: (shard, rows, seconds) => {
        refused.delete(shard);
        watcher.published(shard, rows, seconds);
      },
      failed: (shard, error, delayMs) => {
        if (error instanceof StreamRefusedError)
          refused.set(shard, { why: error, at: clock.now().getTime() });
        watcher.failed(shard, error, delayMs);
      },
    }),
    check: () => {
      const stopped = (known ?? []).flatMap((state, shard) =>
        state === 'PUBLISHES' ? [] : [`${relayWorkflowId(shard)} ${wordsFor[state]}`],
      );
      const faults = [
        ...stopped,
        ...refusals().map(([shard, { message }]) => `${relayWorkflowId(shard)} cannot publish: ${message}`),
      ];
      return faults.length === 0 ? Promise.resolve() : Promise.reject(new NotReady(faults.join('; ')));
    },
    checkStored: () => {
      const [, why] = refusals().find(([, refusal]) => refusal instanceof NothingStoredError) ?? [];
      return why ? Promise.reject(new NotReady(why.message)) : Promise.resolve();
    },
  };
}

const wordsFor: Readonly<Record<Exclude<RelayState, 'PUBLISHES'>, string>> = {
  WAITS: 'is not being run by any worker',
  GONE: 'was gone and is being started again',
};
