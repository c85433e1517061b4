import { freePort } from '../../../../dev/servers/free-port.ts';
import { eventually } from '../../../support/eventually.ts';
import { startOperated } from '../../../support/operators-shell.ts';
import type { Scenario } from '../scenario.ts';

/** A worker with a wrong address. */
export const temporalUnusable: Scenario = {
  shows: { 'curl -s "$WORKER/readyz"': /nothing listens at TEMPORAL_ADDRESS; start the server, or correct/ },
  prepare: async () => {
    const { system, shell } = await startOperated({ processes: [] });
    const env = { TEMPORAL_ADDRESS: `127.0.0.1:${await freePort()}` };
    await system.start('worker', { until: 'alive', env });
    await eventually(
      async () => (await (await fetch(`${system.urls.worker}/readyz`)).text()).includes('nothing listens'),
      { what: 'the worker says why it cannot use Temporal' },
    );
    return {
      env: shell,
      check: async () => {
        await system.stop('worker');
        await system.start('worker');
      },
      close: () => system.close(),
    };
  },
};
