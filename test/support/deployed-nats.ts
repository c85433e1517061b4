import { join } from 'node:path';
import { connect } from 'nats';
import { findNatsServer } from '../../dev/servers/known-servers.ts';
import { startServer, type RunningServer, type ServerOptions } from '../../dev/servers/start-server.ts';
import { projectRoot } from './project-root.ts';

/**
 * nats-server with `deploy/nats.conf`, on the loopback interface.
 * @param env passwords as the deployment sets them, in quotes
 * @param config another file in its place
 */
export async function startDeployedNats(
  options: ServerOptions,
  env: Readonly<Record<string, string>>,
  config = join(projectRoot, 'deploy/nats.conf'),
): Promise<RunningServer> {
  const { dir, port } = options;
  const password = (env['NATS_WORKER_PASSWORD'] ?? '').replaceAll('"', '');
  return startServer(options, {
    name: 'nats-server with the deployment configuration',
    command: await findNatsServer(options),
    args: [
      ...['--config', config, '--store_dir', join(dir, 'jetstream')],
      ...['--addr', '127.0.0.1', '--port', String(port)],
    ],
    cwd: dir,
    env: { ...env },
    stopSignal: 'SIGTERM',
    readyWithinMs: 30_000,
    probe: async () => {
      const servers = `nats://127.0.0.1:${port}`;
      const connection = await connect({ servers, user: 'worker', pass: password, reconnect: false });
      await connection.close();
    },
  });
}
