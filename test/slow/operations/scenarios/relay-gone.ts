import { Client, Connection } from '@temporalio/client';
import { relayWorkflowId } from '../../../../domain/topology.ts';
import { eventually } from '../../../support/eventually.ts';
import { metricOf } from '../../../support/lost-sagas.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import type { Scenario } from '../scenario.ts';

export const relayGone: Scenario = {
  shows: {
    'curl -s "$WORKER/readyz"': /"degraded":\{.*\}/,
    'npm run outbox -- status': /oldest open transaction/,
  },
  prepare: async () => {
    const { system, shell } = await startOperated({ processes: ['worker'] });
    const connection = await Connection.connect({ address: system.ownerEnv.TEMPORAL_ADDRESS });
    const client = new Client({ connection, namespace: system.namespace });
    const runs = (value: number): Promise<true> =>
      eventually(
        async () =>
          (await metricOf(system.urls.worker, 'outbox_relay_running', 'shard="0"')) === value
            ? true
            : undefined,
        { what: `the relay is seen as ${value}`, withinMs: 60_000 },
      );
    await runs(1);
    await client.workflow.getHandle(relayWorkflowId(0)).terminate('by a test');
    return {
      env: shell,
      check: async () => {
        await runs(1);
      },
      close: async () => {
        await connection.close();
        await system.close();
      },
    };
  },
};
