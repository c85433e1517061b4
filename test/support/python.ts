import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheOnce, cacheRoot } from '../../dev/servers/cache.ts';
import { findOnPath, isExecutable } from '../../dev/servers/find-executable.ts';
import type { Waiting } from '../../dev/servers/progress.ts';
import { runCommand } from '../../dev/servers/run-command.ts';

interface PythonPackages {
  /** Of the folder in the cache, and shown while it is made. */
  readonly name: string;
  /** Path of a requirements.txt with exact versions. */
  readonly requirements: string;
  /** Arguments with which it ends well when it works. */
  readonly check: readonly string[];
}

const TOO_OLD = 'this suite needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv)';

/**
 * A Python that has exactly what the requirements name, in a virtual environment of the cache: made once, and again
 * for other requirements. It is used by its path, because what else is in it would not survive a move.
 * @throws Error that says what to install
 */
export async function pythonWith(
  { name, requirements, check }: PythonPackages,
  waiting: Waiting,
): Promise<string> {
  const wanted = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const folder = join(await cacheRoot(), `${name}-${wanted.slice(0, 12)}`);
  const python = join(folder, 'bin', 'python');
  if (await works(python, check, waiting)) return python;
  await rm(folder, { recursive: true, force: true }); // of a Python that is not there any more
  const system = await findOnPath('python3');
  if (system === undefined) throw new Error(`python3 is not on PATH; ${TOO_OLD}`);
  await runCommand(
    system,
    ['-c', 'import sys, venv, ensurepip; assert sys.version_info >= (3, 11)'],
    waiting,
  ).catch((cause: unknown) => {
    throw new Error(`${system} will not do; ${TOO_OLD}`, { cause });
  });
  waiting.progress(`${name}: making a virtual environment (usually 20 s)`);
  await cacheOnce(folder, async (work) => {
    await runCommand(system, ['-m', 'venv', work], waiting);
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--requirement',
      requirements,
    ];
    await runCommand(join(work, 'bin', 'python'), pip, { ...waiting, label: `${name}: installing` });
  });
  return python;
}

async function works(python: string, check: readonly string[], waiting: Waiting): Promise<boolean> {
  if (!(await isExecutable(python))) return false;
  return runCommand(python, check, waiting).then(
    () => true,
    () => false,
  );
}
