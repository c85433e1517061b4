import assert from 'node:assert/strict';
import { recordSagaHealth } from '../../../../db/saga-health.ts';
import { orderWorkflowId } from '../../../../domain/topology.ts';
import { findOrder } from '../../../../db/order-repository.ts';
import { catalogue, placeWaiting } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { listProducts } from '../../../support/products.ts';
import type { Scenario } from '../scenario.ts';

const list =
  'curl --silent --fail "$QUERY_API/operations/sagas?state=slow" -H "authorization: Bearer $TOKEN"';

export const slowSaga: Scenario = {
  shows: {
    [list]: /"step":"wait for approval","since":"[^"]+","ageSeconds":26\d{4},.*"expectedSeconds":259260/,
  },
  prepare: async () => {
    // No saga is slow within the time that a test has: what an examination would find in three days is written here.
    const { system, shell } = await startOperated({ env: { SAGA_WATCH_INTERVAL_MS: '0' } });
    await listProducts(system.db, catalogue);
    const id = await placeWaiting(system);
    const since = new Date(Date.now() - 260_000_000);
    const at = { orderId: id, saga: 'order', step: 'wait for approval', since } as const;
    await recordSagaHealth(
      system.db,
      {
        failing: [],
        slow: [{ ...at, workflowId: orderWorkflowId(id), expectedMs: 259_260_000 }],
      },
      new Date(),
    );
    return {
      env: { ...shell, WORKFLOW_ID: orderWorkflowId(id) },
      check: async () => {
        // Looking changes nothing.
        assert.equal((await findOrder(system.db, id)).approval, 'REQUESTED');
      },
      close: () => system.close(),
    };
  },
};
