import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheOnce, cacheRoot } from '../../dev/servers/cache.ts';
import { findOnPath, isExecutable } from '../../dev/servers/find-executable.ts';
import type { Waiting } from '../../dev/servers/progress.ts';
import { runCommand } from '../../dev/servers/run-command.ts';
import { childEnvironment } from '../../platform/config.ts';
import { projectRoot } from '../support/project-root.ts';

const requirements = join(projectRoot, 'test/schemathesis/requirements.txt');
const TOO_OLD = 'this suite needs Python 3.11 or newer with venv (Debian: apt-get install python3-venv)';

/**
 * A Python that has exactly what requirements.txt names, in a virtual environment of the cache: made once, and again
 * for other requirements. It is used by its path, because what else is in it would not survive a move.
 * @throws Error that says what to install
 */
export async function schemathesisPython(waiting: Waiting): Promise<string> {
  const wanted = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  const folder = join(await cacheRoot(), `schemathesis-${wanted.slice(0, 12)}`);
  const python = join(folder, 'bin', 'python');
  if (await works(python, waiting)) return python;
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
  waiting.progress('schemathesis: making a virtual environment (usually 20 s)');
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
    await runCommand(join(work, 'bin', 'python'), pip, { ...waiting, label: 'schemathesis: installing' });
  });
  return python;
}

async function works(python: string, waiting: Waiting): Promise<boolean> {
  if (!(await isExecutable(python))) return false;
  return runCommand(python, ['-m', 'schemathesis.cli', '--version'], waiting).then(
    () => true,
    () => false,
  );
}

/** Runs schemathesis where it can be watched. @returns its exit code. */
export async function runSchemathesis(
  python: string,
  args: readonly string[],
  cwd: string,
): Promise<number | null> {
  const child = spawn(python, ['-m', 'schemathesis.cli', 'run', '--no-color', ...args], {
    cwd,
    env: childEnvironment({ PYTHONUTF8: '1', PYTHONUNBUFFERED: '1' }),
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}
