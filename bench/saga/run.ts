import { DefaultLogger, Runtime } from '@temporalio/worker';
import { startBenchServers } from '../bench-servers.ts';
import { storeVersions, temporalVersion } from '../machine.ts';
import type { Bench, Outcome } from '../outcome.ts';
import { measureSagas, measureWholeStack } from './benchmark.ts';
import { profileSaga } from './profiled.ts';
import { sagaTables, stackTables } from './report.ts';

/** What sagas cost, beside their limits. */
export async function benchSagas(bench: Bench): Promise<Outcome> {
  Runtime.install({ logger: new DefaultLogger('WARN'), shutdownSignals: [] });
  const servers = await startBenchServers(bench.progress, bench.closers);
  const run = { ...bench, servers };
  const databaseUrl = await servers.createDatabase('versions');
  const versions = {
    ...(await storeVersions({ databaseUrl, natsUrl: servers.natsUrl })),
    Temporal: await temporalVersion(servers.temporalAddress),
  };
  if (bench.profile) return { servers: versions, tables: [await profileSaga(run)] };
  const sagas = await measureSagas(run);
  const stack = await measureWholeStack(run);
  return {
    servers: versions,
    tables: [...sagaTables(sagas), ...stackTables(stack)],
    measurements: { sagas, stack },
  };
}
