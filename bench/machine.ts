import { cpus, loadavg, totalmem } from 'node:os';
import { Connection } from '@temporalio/client';
import { connect as connectNats } from 'nats';
import { z } from 'zod';
import { connect } from '../db/connection.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** Of the last minute, when the benchmark began: what else the machine was doing. */
  readonly loadBefore: number;
}

export const hardware = (): Machine => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  loadBefore: loadavg()[0] ?? Number.NaN,
});

/** With the settings that decide when a write is durable. */
export async function storeVersions(at: {
  databaseUrl: string;
  natsUrl: string;
}): Promise<Record<string, string>> {
  const db = connect({ url: at.databaseUrl, poolSize: 1, applicationName: 'bench' });
  const nats = await connectNats({ servers: at.natsUrl });
  try {
    const { rows } = await db.raw<{ rows: Record<string, string>[] }>(
      `select current_setting('server_version') as version, current_setting('fsync') as fsync,
        current_setting('synchronous_commit') as synchronous_commit`,
    );
    const { version = 'unknown', ...settings } = rows[0] ?? {};
    return {
      PostgreSQL: [version, ...Object.entries(settings).map((setting) => setting.join(' '))].join('; '),
      'nats-server': nats.info?.version ?? 'unknown',
    };
  } finally {
    await Promise.all([db.destroy(), nats.close()]);
  }
}

export async function temporalVersion(address: string): Promise<string> {
  const temporal = await Connection.connect({ address });
  try {
    return (await temporal.workflowService.getSystemInfo({})).serverVersion;
  } finally {
    await temporal.close();
  }
}

const monitorSchema = z.object({
  jetstream: z.object({
    config: z.object({ sync_always: z.boolean().default(false), sync_interval: z.number() }),
  }),
});

/** Whether nats-server writes through to the disk before it acknowledges, as it says itself. */
export async function syncSetting(natsMonitorUrl: string): Promise<string> {
  const answer = await fetch(`${natsMonitorUrl}/varz`);
  const { sync_always: always, sync_interval: interval } = monitorSchema.parse(await answer.json()).jetstream
    .config;
  return always ? 'sync_interval: always' : `sync_interval: ${interval / 1e9}s`;
}
