import { cpus, loadavg, totalmem } from 'node:os';
import { Connection } from '@temporalio/client';
import { connect as connectNats } from 'nats';
import { connect } from '../db/connection.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** Of the last minute, when the benchmark began: what else the machine was doing. */
  readonly loadBefore: number;
  readonly servers: Readonly<Record<string, string>>;
}

export const hardware = (): Omit<Machine, 'servers'> => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  loadBefore: loadavg()[0] ?? Number.NaN,
});

export async function serverVersions(at: {
  databaseUrl: string;
  natsUrl: string;
  temporalAddress: string;
}): Promise<Record<string, string>> {
  const db = connect({ url: at.databaseUrl, poolSize: 1, applicationName: 'bench' });
  const nats = await connectNats({ servers: at.natsUrl });
  const temporal = await Connection.connect({ address: at.temporalAddress });
  try {
    const { rows } = await db.raw<{ rows: { server_version: string }[] }>('show server_version');
    const { serverVersion } = await temporal.workflowService.getSystemInfo({});
    return {
      PostgreSQL: rows[0]?.server_version ?? 'unknown',
      'nats-server': nats.info?.version ?? 'unknown',
      Temporal: serverVersion,
    };
  } finally {
    await Promise.all([db.destroy(), nats.close(), temporal.close()]);
  }
}
