import { join } from 'node:path';
import { connect } from '../../db/connection.ts';
import { createCallers } from '../accept/callers.ts';
import { spreadOf } from '../measure/statistics.ts';
import { storeVersions, syncSetting } from '../machine.ts';
import type { Bench, Outcome } from '../outcome.ts';
import type { LatencyCell } from '../relay/latency.ts';
import { callers } from '../scenarios/accept.ts';
import { startStores } from '../stores.ts';
import { measureFreshness } from './freshness.ts';
import { profileProjector } from './profiled.ts';
import { profileReads } from './profiled-reads.ts';
import { startProjectorProcess, type ProjectorProcess } from './projector-process.ts';
import { connectBench, type ProjectionsRun } from './projections-run.ts';
import { createReadDatabase } from './read-database.ts';
import { startRebuilder, type Rebuilder } from './rebuilder.ts';
import { startReaders } from './readers.ts';
import { measureReads, type ReadersOfViews } from './reads.ts';
import { projectionTables, type Measurements } from './report.ts';
import { measureSalesSizes } from './sales-sizes.ts';
import { measureThroughput, sides, type Throughput } from './throughput.ts';

/** How fast events become rows and rows become answers, beside what limits them. */
export async function benchProjections(bench: Bench): Promise<Outcome> {
  const { progress, closers } = bench;
  const stores = await startStores(progress, closers);
  const versions = await storeVersions({ databaseUrl: stores.postgresUrl, natsUrl: stores.natsUrl });
  const servers = {
    ...versions,
    'nats-server': `${versions['nats-server'] ?? ''}; ${await syncSetting(stores.natsMonitorUrl)}`,
  };
  const databaseUrl = await createReadDatabase(stores, 'projections');
  const db = connect({ url: databaseUrl, poolSize: 2, applicationName: 'bench' });
  closers.add('connections to the read tables', () => db.destroy());
  const nats = await connectBench(stores);
  closers.add('the connection to NATS', () => nats.close());
  const run: ProjectionsRun = { ...bench, stores, nats, databaseUrl, db };
  const startReading = async (): Promise<ReadersOfViews> => ({
    readers: await startReaders(closers),
    callers: await createCallers(callers),
  });
  if (bench.profile) {
    const profileDir = join(stores.dir, 'profile');
    const projector = await startProjectorProcess(stores, closers, profileDir);
    const tables = [await profileProjector(run, projector, profileDir)];
    const other = await startProjectorProcess(stores, closers);
    tables.push(...(await profileReads(run, other, await startReading())));
    return { servers, tables };
  }

  const projector = await startProjectorProcess(stores, closers);
  const other = await startProjectorProcess(stores, closers);
  const rebuilder = await startRebuilder(stores, closers);
  const throughput = await measureThroughput(run, [projector, other], rebuilder);
  await other.end();
  const views = await startReading();
  const measurements: Measurements = {
    throughput,
    freshness: await freshnessByRound(run, projector, rebuilder, throughput),
    reads: await measureReads(run, projector, views),
    sales: await measureSalesSizes(run, views),
  };
  await Promise.all([projector.end(), rebuilder.end(), views.readers.end()]);
  return { servers, tables: projectionTables(measurements), measurements };
}

async function freshnessByRound(
  run: ProjectionsRun,
  projector: ProjectorProcess,
  rebuilder: Rebuilder,
  { rates }: Throughput,
): Promise<LatencyCell[]> {
  const one = rates.find(({ what }) => what === sides.one)?.rates ?? [];
  const highest = spreadOf(one.map(({ perSecond }) => perSecond)).median;
  const cells: LatencyCell[] = [];
  for (let round = 0; round < run.rounds; round++)
    cells.push(...(await measureFreshness(run, projector, rebuilder, highest)));
  return cells;
}
