import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'nats';
import { findNatsServer } from './known-servers.ts';
import { startServer, type RunningServer, type ServerOptions } from './start-server.ts';

export interface NatsOptions extends ServerOptions {
  /** Serves `/varz`, `/jsz`… for a look inside. Absent: no such port. */
  readonly monitorPort?: number;
}

export interface NatsServer extends RunningServer {
  /** `nats://127.0.0.1:<port>` */
  readonly url: string;
}

/** nats-server with JetStream on file storage. @throws StartError with the end of its log. */
export async function startNats(options: NatsOptions): Promise<NatsServer> {
  const command = await findNatsServer(options);
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const configFile = join(options.dir, 'nats-server.conf');
  await writeFile(configFile, configuration(options));
  const url = `nats://127.0.0.1:${options.port}`;
  const server = await startServer(options, {
    name: 'nats-server',
    command,
    args: ['--config', configFile],
    cwd: options.dir,
    stopSignal: 'SIGTERM',
    readyWithinMs: 30_000,
    probe: () => askJetStream(url),
  });
  return { ...server, url };
}

/** `sync_interval: always`: a message is on disk before it is acknowledged, so an acknowledged event is kept. */
const configuration = ({ dir, port, monitorPort }: NatsOptions): string =>
  [
    `listen: "127.0.0.1:${port}"`,
    ...(monitorPort === undefined ? [] : [`http: "127.0.0.1:${monitorPort}"`]),
    'jetstream {',
    `  store_dir: ${JSON.stringify(join(dir, 'jetstream'))}`,
    '  sync_interval: always',
    '}',
    '',
  ].join('\n');

async function askJetStream(url: string): Promise<void> {
  const connection = await connect({ servers: url, reconnect: false, timeout: 2_000 });
  try {
    const manager = await connection.jetstreamManager({ timeout: 2_000 });
    await manager.getAccountInfo();
  } finally {
    await connection.close();
  }
}
