import { Client, Connection } from '@temporalio/client';
import { orderWorkflowId } from '../../../../domain/topology.ts';
import { failingRelease, placeRecorded, untilFailing } from '../../../support/failing-release.ts';
import { post } from '../../../support/http.ts';
import { catalogue, untilOrder } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import { listProducts } from '../../../support/products.ts';
import type { Scenario } from '../scenario.ts';

const list =
  'curl --silent --fail "$QUERY_API/operations/sagas?state=failing" -H "authorization: Bearer $TOKEN"';

export const failingSaga: Scenario = {
  shows: {
    [list]: /"state":"failing","items":\[\{"workflowId":"order-[^}]*"cause":"NONDETERMINISM"/,
    'curl -s "$WORKER/readyz"': /"sagas":"sagas fail in their workflow code: 1 with NONDETERMINISM/,
    'npm run replay -- "$WORKFLOW_ID"': /the code does what the history says/,
    'npm run sagas -- restart "$ORDER_ID"': /is started again; it was TERMINATED/,
  },
  prepare: async () => {
    const release = await failingRelease();
    // The search for orders without a saga would be faster than an operator.
    const { system, shell } = await startOperated({ env: { SAGA_WATCH_INTERVAL_MS: '3600000' } });
    const connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    const client = new Client({ connection, namespace: system.namespace });
    await listProducts(system.db, catalogue);
    const id = await placeRecorded(system, client);
    await system.stop('worker');
    await system.start('worker', { env: { WORKFLOW_BUNDLE: release } });
    const operator = { authorization: `Bearer ${shell['TOKEN'] ?? ''}` };
    const approve = (): Promise<Response> =>
      post(
        `${system.urls['command-api']}/orders/${id}/approval`,
        { decision: 'approve', reason: 'known' },
        operator,
      );
    void approve();
    await untilFailing(system.urls['query-api'], [id], operator);
    return {
      env: { ...shell, ORDER_ID: id, WORKFLOW_ID: orderWorkflowId(id) },
      check: async () => {
        await approve();
        await untilOrder(system, id, 'is completed', ({ status }) => status === 'COMPLETED');
        await connection.close();
      },
      close: () => system.close(),
    };
  },
};
