import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Waiting } from '../../dev/servers/progress.ts';
import { childEnvironment } from '../../platform/config.ts';
import { projectRoot } from '../support/project-root.ts';
import { pythonWith } from '../support/python.ts';

/** A Python with what requirements.txt names. @throws Error that says what to install */
export const schemathesisPython = (waiting: Waiting): Promise<string> =>
  pythonWith(
    {
      name: 'schemathesis',
      requirements: join(projectRoot, 'test/schemathesis/requirements.txt'),
      check: ['-m', 'schemathesis.cli', '--version'],
    },
    waiting,
  );

const config = join(projectRoot, 'test/schemathesis/schemathesis.toml');

/** Runs schemathesis where it can be watched. @returns its exit code. */
export async function runSchemathesis(
  python: string,
  args: readonly string[],
  cwd: string,
): Promise<number | null> {
  const child = spawn(
    python,
    ['-m', 'schemathesis.cli', '--config-file', config, 'run', '--no-color', ...args],
    {
      cwd,
      env: childEnvironment({ PYTHONUTF8: '1', PYTHONUNBUFFERED: '1' }),
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const [code] = (await once(child, 'close')) as [number | null];
  return code;
}
