import assert from 'node:assert/strict';
import { Client, Connection } from '@temporalio/client';
import { orderWorkflowId, shipmentWorkflowId } from '../../../../domain/topology.ts';
import { dataConverter } from '../../../../platform/temporal-data.ts';
import { post } from '../../../support/http.ts';
import { catalogue, placeBooked, placeWaiting, untilOrder } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { listProducts } from '../../../support/products.ts';
import {
  DEPLOYMENT,
  newerBundleFile,
  runDeployment,
  sagaRuns,
  versionEnv,
} from '../../../support/versioned-workers.ts';
import type { Scenario } from '../scenario.ts';

/** The new version is current, has begun an order saga, and has moved a shipment saga; the old one still runs. */
export const deploymentGoneWrong: Scenario = {
  codes: { 'npm run deployment -- drain "$NEW" --within 5': 1 },
  shows: {
    'npm run deployment -- set-current "$OLD"': /new work: 100 % version old/,
    'npm run replay -- --running': /: 0 cannot go on with this code/,
    'npm run deployment -- drain "$NEW" --within 5': /version new is DRAINING/,
  },
  prepare: async () => {
    const { system, shell } = await startOperated({ processes: ['command-api', 'query-api', 'projector'] });
    const connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    const client = new Client({ connection, namespace: system.namespace, dataConverter });
    await listProducts(system.db, catalogue);
    await system.start('worker', { env: versionEnv('old') });
    await system.start('second-worker', { env: versionEnv('new', await newerBundleFile()) });
    const makeCurrent = async (build: string): Promise<void> => {
      const { code, output } = await runDeployment(system.ownerEnv, 'set-current', build);
      assert.equal(code, 0, output);
    };
    await makeCurrent('old');
    const shipped = await placeBooked(system);
    await makeCurrent('new');
    const waiting = await placeWaiting(system);
    return {
      env: {
        ...shell,
        TEMPORAL_DEPLOYMENT_NAME: DEPLOYMENT,
        OLD: 'old',
        NEW: 'new',
        SAGA: orderWorkflowId(waiting),
        SHIPMENT: shipmentWorkflowId(shipped),
      },
      check: async () => {
        await post(
          `${system.urls['command-api']}/orders/${waiting}/approval`,
          { decision: 'approve', reason: 'known customer' },
          { authorization: `Bearer ${shell['TOKEN'] ?? ''}` },
        );
        await untilOrder(system, waiting, 'is completed', ({ status }) => status === 'COMPLETED');
        const runs = await sagaRuns(client);
        const last = runs.find(
          ({ workflowId, builds }) => workflowId === orderWorkflowId(waiting) && builds.includes('old'),
        );
        assert.ok(last, 'the order saga was not moved to the old version');
      },
      close: async () => {
        await connection.close();
        await system.close();
      },
    };
  },
};
