import { join } from 'node:path';
import { storeVersions, syncSetting } from '../machine.ts';
import type { Bench, Outcome } from '../outcome.ts';
import { startStores } from '../stores.ts';
import { measureIdle } from './idle.ts';
import { measureLatency } from './latency.ts';
import { profileRelay } from './profiled.ts';
import { startRelayProcess } from './relay-process.ts';
import { relayTables } from './report.ts';
import {
  besideLimits,
  besideSnapshot,
  besideWriter,
  withBacklog,
  withHistory,
  withShards,
} from './throughput.ts';

/** How fast the relay publishes, beside what limits it. */
export async function benchRelay(bench: Bench): Promise<Outcome> {
  const stores = await startStores(bench.progress, bench.closers);
  const versions = await storeVersions({ databaseUrl: stores.postgresUrl, natsUrl: stores.natsUrl });
  const servers = {
    ...versions,
    'nats-server': `${versions['nats-server'] ?? ''}; ${await syncSetting(stores.natsMonitorUrl)}`,
  };
  const profileDir = bench.profile ? join(stores.dir, 'profile') : undefined;
  const run = { ...bench, stores, relays: await startRelayProcess(stores, bench.closers, profileDir) };
  if (profileDir !== undefined) return { servers, tables: await profileRelay(run, profileDir) };

  const measurements = {
    limits: await besideLimits(run),
    latency: await measureLatency(run),
    idle: await measureIdle(run),
    snapshot: await besideSnapshot(run),
    writer: await besideWriter(run),
    shards: await withShards(run),
    backlog: await withBacklog(run),
    history: await withHistory(run),
  };
  await run.relays.end();
  return { servers, tables: relayTables(measurements), measurements };
}
