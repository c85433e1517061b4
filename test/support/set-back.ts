import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Copies the files of a PostgreSQL server that does not run, with their owner and mode.
 * @param dir the server's folder
 */
export async function copyPostgresFiles(dir: string): Promise<void> {
  await rm(copyIn(dir), { recursive: true, force: true });
  await run('cp', ['-a', dataIn(dir), copyIn(dir)]);
}

/** Puts the copy back in place of the files, while the server does not run. */
export async function restorePostgresFiles(dir: string): Promise<void> {
  await rm(dataIn(dir), { recursive: true });
  await run('cp', ['-a', copyIn(dir), dataIn(dir)]);
}

const dataIn = (dir: string): string => join(dir, 'data');
const copyIn = (dir: string): string => join(dir, 'older-copy');
