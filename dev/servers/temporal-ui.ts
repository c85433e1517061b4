import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findTemporalUi } from './known-servers.ts';
import { startServer, type RunningServer, type ServerOptions } from './start-server.ts';

interface TemporalUiOptions extends ServerOptions {
  /** Of the Temporal server that it shows. */
  readonly temporalAddress: string;
  readonly namespace: string;
  /** The port that browsers see. */
  readonly shownAt: number;
}

interface TemporalUi extends RunningServer {
  readonly url: string;
}

/** Temporal's Web UI as a server of its own. @throws StartError with the end of its log. */
export async function startTemporalUi(options: TemporalUiOptions): Promise<TemporalUi> {
  const { dir, port } = options;
  const command = await findTemporalUi(options);
  const config = join(dir, 'config');
  await mkdir(config, { recursive: true, mode: 0o700 });
  await writeFile(join(config, 'base.yaml'), configuration(options));
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer(options, {
    name: 'Temporal Web UI',
    command,
    args: ['--root', dir, '--config', 'config', 'start'],
    cwd: dir,
    stopSignal: 'SIGTERM',
    readyWithinMs: 30_000,
    probe: () => askNamespaces(url),
  });
  return { ...server, url };
}

/** JSON, which YAML readers take. */
const configuration = ({ port, shownAt, temporalAddress, namespace }: TemporalUiOptions): string =>
  JSON.stringify({
    temporalGrpcAddress: temporalAddress,
    host: '127.0.0.1',
    port,
    enableUi: true,
    defaultNamespace: namespace,
    notifyOnNewVersion: false,
    hideLogs: true,
    cors: {
      allowOrigins: [`http://127.0.0.1:${shownAt}`, `http://localhost:${shownAt}`],
      // Browsers keep a cookie that is marked secure from pages served without TLS.
      cookieInsecure: true,
    },
  });

/** Answered by the Temporal server behind it. */
async function askNamespaces(url: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/namespaces`, { signal: AbortSignal.timeout(2_000) });
  await response.arrayBuffer();
  if (!response.ok) throw new Error(`it answers ${response.status}`);
}
