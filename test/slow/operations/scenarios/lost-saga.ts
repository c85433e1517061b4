import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import { orderWorkflowId } from '../../../../domain/topology.ts';
import { closeSaga } from '../../../support/closed-sagas.ts';
import { catalogue, placeWaiting } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { listProducts } from '../../../support/products.ts';
import type { Scenario } from '../scenario.ts';

export const lostSaga: Scenario = {
  codes: { 'npm run sagas -- orphans': 1 },
  shows: { 'npm run sagas -- restart --all': /1 without a saga, 1 started again, 0 could not be started/ },
  prepare: async () => {
    // The search would be faster than an operator.
    const { system, shell } = await startOperated({ env: { SAGA_WATCH_INTERVAL_MS: '0' } });
    const connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    const client = new Client({ connection, namespace: system.namespace });
    await listProducts(system.db, catalogue);
    const ids = [await placeWaiting(system), await placeWaiting(system), await placeWaiting(system)];
    for (const id of ids) await closeSaga(client, orderWorkflowId(id), 'TERMINATED');
    const [orderId = '', another = ''] = ids;
    return {
      env: {
        ...shell,
        SAGA_ORPHAN_AFTER_MS: '1',
        ORDER_ID: orderId,
        WORKFLOW_ID: orderWorkflowId(another),
      },
      check: async () => {
        for (const id of ids) {
          const { status } = await client.workflow.getHandle(orderWorkflowId(id)).describe();
          assert.equal(status.name, 'RUNNING');
        }
      },
      close: async () => {
        await connection.close();
        await system.close();
      },
    };
  },
};
