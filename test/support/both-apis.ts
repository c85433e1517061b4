import { createCommandApp } from '../../api/command-app.ts';
import type { HttpStackDeps } from '../../api/http-stack.ts';
import { createQueryApp } from '../../api/query-app.ts';
import type { SagaControl } from '../../api/sagas/saga-control.ts';
import type { Knex } from '../../db/connection.ts';
import { createProxy } from '../../dev/proxy.ts';
import { systemClock } from '../../platform/clock.ts';
import { listen } from '../../platform/http-server.ts';
import { commandSettings, httpDeps } from './http.ts';
import { nothingHappens } from './live-events.ts';

interface BothApis {
  /** Of a proxy that sends reads to the query API and the rest to the command API. */
  readonly url: string;
  readonly commandApi: string;
  readonly queryApi: string;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/** Both APIs in this process over one database, which holds the read tables too. */
export async function serveBothApis({
  db,
  sagas,
  authenticate,
}: { readonly db: Knex; readonly sagas: SagaControl } & Pick<
  HttpStackDeps,
  'authenticate'
>): Promise<BothApis> {
  const { app } = createCommandApp({
    ...httpDeps(),
    authenticate,
    db,
    clock: systemClock,
    nudge: () => undefined,
    sagas,
    ...commandSettings,
  });
  const ui = { url: 'http://127.0.0.1:8233', namespace: 'default' };
  const reads = createQueryApp({
    ...httpDeps(),
    authenticate,
    db,
    clock: systemClock,
    ui,
    freshOrderWaitMs: 0,
    tokenWaits: { ms: 0, maxSeconds: 20 },
    live: nothingHappens(),
  });
  const [command, query] = await Promise.all([listen(app, HOST, 0), listen(reads, HOST, 0)]);
  const commandApi = `http://${HOST}:${command.port}`;
  const queryApi = `http://${HOST}:${query.port}`;
  const proxy = await listen(createProxy({ commandApi, queryApi, worker: commandApi }), HOST, 0);
  return {
    url: `http://${HOST}:${proxy.port}`,
    commandApi,
    queryApi,
    close: async () => {
      for (const server of [proxy, command, query]) await server.close();
    },
  };
}
