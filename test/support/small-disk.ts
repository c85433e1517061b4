import { execFile } from 'node:child_process';
import { chmod, mkdtemp, open, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasCode } from '../../dev/servers/process-identity.ts';
import { reasonOf } from '../../dev/servers/progress.ts';

const run = promisify(execFile);

/** A file system in memory that is small enough to be filled. */
export interface SmallDisk {
  readonly dir: string;
  /** Takes all room that is left; what others write from now on fails with ENOSPC. */
  fill(): Promise<void>;
  /** Gives that room back. */
  free(): Promise<void>;
  unmount(): Promise<void>;
}

/** This machine lets us mount nothing; the message says why. */
export class MountRefusedError extends Error {
  override readonly name = 'MountRefusedError';
}

const CHUNK_BYTES = 1024 * 1024;

/** @throws MountRefusedError where mounting is not allowed */
export async function mountSmallDisk(megabytes: number): Promise<SmallDisk> {
  const dir = await mkdtemp(join(tmpdir(), 'small-disk-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', dir]);
  } catch (error) {
    await rmdir(dir);
    throw new MountRefusedError(`no file system can be mounted here: ${reasonOf(error)}`, { cause: error });
  }
  await chmod(dir, 0o755);
  const filler = join(dir, 'filler');
  return {
    dir,
    fill: () => fill(filler),
    free: () => rm(filler, { force: true }),
    unmount: async () => {
      // Also while a process that was killed still has a file open.
      await run('umount', ['--lazy', dir]);
      await rmdir(dir);
    },
  };
}

async function fill(file: string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    for (let chunk = Buffer.alloc(CHUNK_BYTES); chunk.length > 0;) {
      try {
        await handle.write(chunk);
      } catch (error) {
        if (!hasCode(error, 'ENOSPC')) throw error;
        chunk = chunk.subarray(0, chunk.length >> 1);
      }
    }
  } finally {
    await handle.close();
  }
}
