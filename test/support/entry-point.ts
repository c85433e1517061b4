import { execFile, type ChildProcess } from 'node:child_process';
import { childEnvironment } from '../../platform/config.ts';
import { projectRoot } from './project-root.ts';

interface Ended {
  readonly code: number | null;
  /** All that it wrote, but for the line that says what it connects to. */
  readonly output: string;
}

/** An entry point that runs and ends, as a process of its own. */
export function runEntryPoint(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const options = { cwd: projectRoot, env: childEnvironment(env) };
  let settle: (ended: Ended) => void = () => undefined;
  const ended = new Promise<Ended>((resolve) => {
    settle = resolve;
  });
  const child = execFile(
    process.execPath,
    ['--import', 'tsx', path, ...args],
    options,
    (_error, out, err) => {
      settle({ code: child.exitCode, output: (out + err).replace(/^connects to .*\n/m, '') });
    },
  );
  return { child, ended };
}
