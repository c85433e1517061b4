import { Gauge, type Registry } from 'prom-client';
import { relayWorkflowId } from '../domain/topology.ts';
import { NotReady } from '../platform/readiness.ts';
import type { RelayState } from './relays.ts';

interface RelayHealth {
  /** Takes how each shard's relay is; undefined while Temporal does not say. */
  readonly seen: (states: readonly RelayState[] | undefined) => void;
  /** For `/readyz`. @throws NotReady naming the relays that do not publish */
  readonly check: () => Promise<void>;
}

/** What this process knows of the relays, which any worker may run. */
export function createRelayHealth(registry: Registry): RelayHealth {
  let known: readonly RelayState[] | undefined;
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
    check: () => {
      const faults = (known ?? []).flatMap((state, shard) =>
        state === 'PUBLISHES' ? [] : [`${relayWorkflowId(shard)} ${wordsFor[state]}`],
      );
      return faults.length === 0 ? Promise.resolve() : Promise.reject(new NotReady(faults.join('; ')));
    },
  };
}

const wordsFor: Readonly<Record<Exclude<RelayState, 'PUBLISHES'>, string>> = {
  WAITS: 'is not being run by any worker',
  GONE: 'was gone and is being started again',
};
