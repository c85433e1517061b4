import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../platform/config.ts';
import { searchSchema } from '../dev-config.ts';
import { hasCode, livePid, stopLeftover, writePidFile } from './process-identity.ts';
import { pidFileOf } from './start-server.ts';
import type { Progress } from './progress.ts';
import { runsAsRoot } from './server-user.ts';

/**
 * The folder that keeps fetched servers and stack data: `DURABLE_ORDERS_CACHE`, else below `XDG_CACHE_HOME` or
 * `~/.cache`. Root's home is closed to the user that PostgreSQL runs as, so root gets `/var/cache`.
 */
export function cachePath(): string {
  const { DURABLE_ORDERS_CACHE, XDG_CACHE_HOME } = loadConfig(searchSchema);
  return (
    DURABLE_ORDERS_CACHE ??
    join(runsAsRoot() ? '/var/cache' : (XDG_CACHE_HOME ?? join(homedir(), '.cache')), 'durable-orders')
  );
}

/** The same, made where it is not there. */
export async function cacheRoot(): Promise<string> {
  const root = cachePath();
  await makeOpenFolder(root);
  return root;
}

/** Of a cache: bundles of workflow code, for `npm start` and for tests. */
export const bundleCache = (root: string): string => join(root, 'workflow-bundles');

/** Makes a folder that every user may enter, whatever the umask; parents that were there stay as they are. */
export async function makeOpenFolder(path: string): Promise<void> {
  const firstMade = await mkdir(path, { recursive: true });
  if (firstMade === undefined) return;
  for (let made = path; made.length >= firstMade.length; made = join(made, '..')) await chmod(made, 0o755);
}

/**
 * Fills a folder of the cache all or nothing: concurrent runs never see half of it, and the first to end wins.
 * @returns the folder.
 */
export async function cacheOnce(
  folder: string,
  fill: (workFolder: string) => Promise<void>,
): Promise<string> {
  const work = await mkdtemp(join(await cacheRoot(), '.filling-'));
  try {
    await fill(work);
    await chmod(work, 0o755);
    await rename(work, folder);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error; // those two: another run was first
  }
  return folder;
}

/**
 * A folder for server data of a test run, which PostgreSQL may enter; the caller removes it. Folders of runs that
 * were killed are removed here, and the servers in them ended.
 */
export async function temporaryDataDir(progress: Progress): Promise<string> {
  const parent = join(await cacheRoot(), 'tmp');
  await makeOpenFolder(parent);
  await removeKilledRuns(parent, progress);
  const dir = await mkdtemp(join(parent, 'run-'));
  await writePidFile(join(dir, OWNER), process.pid);
  await chmod(dir, 0o755);
  return dir;
}

/** Says in a run's folder which process it belongs to. */
export const OWNER = 'owner.pid';

/** Removes the folders in a folder whose runs have ended without doing so, and ends the servers in them. */
export async function removeKilledRuns(parent: string, progress: Progress): Promise<void> {
  for (const name of await readdir(parent)) await sweep(join(parent, name), progress);
}

async function sweep(dir: string, progress: Progress): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  // No owner yet: another run is just making this folder.
  const hasOwner = entries.some(({ name }) => name === OWNER);
  if (!hasOwner || (await livePid(join(dir, OWNER))) !== undefined) return;
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    await stopLeftover(pidFileOf(join(dir, name)), name, 'SIGINT', progress);
  }
  await rm(dir, { recursive: true, force: true });
}
