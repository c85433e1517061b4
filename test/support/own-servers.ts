import { randomBytes } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../dev/servers/free-port.ts';
import { startNats } from '../../dev/servers/nats.ts';
import { startPostgres } from '../../dev/servers/postgres.ts';
import { hasCode } from '../../dev/servers/process-identity.ts';
import type { RunningServer, ServerOptions } from '../../dev/servers/start-server.ts';
import { progress, testDataDir } from './servers.ts';

/** A server of a test's own, which it may kill: it comes back on the same port with what is in its folder. */
export interface OwnServer {
  readonly url: string;
  /** Its data, log and configuration. */
  readonly dir: string;
  start(): Promise<void>;
  /** SIGKILL to the server and all its children; resolves when it has ended. */
  kill(): Promise<void>;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

/** PostgreSQL's sessions leave the server's process group, and would work on until they notice that it is gone. */
async function childrenOf(pid: number): Promise<number[]> {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  });
  return listed.split(' ').filter(Boolean).map(Number);
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}

/** @param durability `full` writes through to the disk before a commit is answered */
export const ownPostgres = (durability: 'full' | 'none'): Promise<OwnServer> =>
  startOwn('postgres', (options) => startPostgres({ ...options, durability }));

/** A message is on disk before it is acknowledged. */
export const ownNats = (): Promise<OwnServer> => startOwn('nats', startNats);

async function startOwn(
  kind: string,
  startServer: (options: ServerOptions) => Promise<RunningServer & { readonly url: string }>,
): Promise<OwnServer> {
  const dir = join(await testDataDir(), `own-${kind}-${randomBytes(4).toString('hex')}`);
  const options = { dir, port: await freePort(), progress };
  let server = await startServer(options);
  return {
    url: server.url,
    dir,
    start: async () => {
      server = await startServer(options);
    },
    kill: async () => {
      const children = await childrenOf(server.pid);
      server.kill();
      await server.exited;
      for (const pid of children) killIfThere(pid);
    },
    stop: () => server.stop(),
    remove: async () => {
      await server.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
