import { Client } from '@temporalio/client';
import { createCommandApp } from '../../api/command-app.ts';
import { connectTemporalLazily } from '../../api/sagas/temporal-connection.ts';
import { createTemporalSagaControl } from '../../api/sagas/temporal-saga-control.ts';
import { systemClock } from '../../platform/clock.ts';
import { commandApiSchema, loadConfig, sagaSettingsOf } from '../../platform/config.ts';
import { listen } from '../../platform/http-server.ts';
import { commandSettings, httpDeps } from './http.ts';
import { temporalAddress } from './servers.ts';
import type { System } from './system.ts';

/** Another command API of a system, in this process, in which everybody is an operator of this name. */
export async function commandApiAs(
  subject: string,
  { db, namespace }: Pick<System, 'db' | 'namespace'>,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const connection = connectTemporalLazily({ address: await temporalAddress() });
  const { app } = createCommandApp({
    ...httpDeps(),
    authenticate: () => Promise.resolve({ subject, roles: ['operator'] }),
    db,
    clock: systemClock,
    nudge: () => undefined,
    sagas: createTemporalSagaControl({
      client: new Client({ connection, namespace }),
      settings: sagaSettingsOf(loadConfig(commandApiSchema, {})),
    }),
    ...commandSettings,
  });
  const server = await listen(app, '127.0.0.1', 0);
  return {
    url: `http://127.0.0.1:${server.port}`,
    close: async () => {
      await server.close();
      await connection.close();
    },
  };
}
