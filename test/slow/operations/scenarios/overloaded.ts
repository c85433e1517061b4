import assert from 'node:assert/strict';
import { listProducts } from '../../../support/products.ts';
import { catalogue, goodOrder } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { place, untilEnded } from '../../../support/orders.ts';
import { throttle } from '../../../support/throttle.ts';
import type { Scenario } from '../scenario.ts';

const ORDERS = 40;
const SHARE = 0.1;
const END_WITHIN_MS = 120_000;

export const overloaded: Scenario = {
  shows: {
    'curl -s "$WORKER/metrics" | grep -E \'^(saga_starts_held_back|temporal_worker_task_slots_available)\'':
      /^saga_starts_held_back\{.*\} [01]$/m,
    'temporal task-queue describe --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE" --task-queue orders':
      /backlog/i,
  },
  prepare: async () => {
    const { system, shell } = await startOperated();
    await listProducts(system.db, catalogue);
    const pid = system.pidOf('worker');
    assert.ok(pid);
    const release = throttle(pid, SHARE);
    const headers = { authorization: `Bearer ${shell['TOKEN'] ?? ''}` };
    const ids = await Promise.all(
      Array.from({ length: ORDERS }, () => place({ ...system, headers }, goodOrder)),
    );
    return {
      env: shell,
      check: async () => {
        release();
        await untilEnded({ ...system, headers }, ids, END_WITHIN_MS);
      },
      close: () => {
        release();
        return system.close();
      },
    };
  },
};
