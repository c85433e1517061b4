import { join } from 'node:path';
import { describeExit, launch, logSize, logTail, type Child } from './servers/child.ts';
import { StartError, type Waiting } from './servers/progress.ts';

interface TaskOptions extends Waiting {
  readonly name: string;
  /** File below the project's root. */
  readonly entry: string;
  readonly projectRoot: string;
  readonly logDir: string;
  readonly env: Record<string, string>;
  readonly onLaunch: (child: Child) => void;
}

const LIMIT_MS = 3_000;

/** Runs an entry point to its end. @throws StartError with the end of its log when it fails. */
export async function runTask(options: TaskOptions): Promise<void> {
  const { name, logDir, signal } = options;
  signal?.throwIfAborted();
  options.progress(`running ${name}`);
  const file = join(logDir, `${name}.log`);
  const from = logSize(file);
  const child = await launch({
    name,
    command: process.execPath,
    args: ['--import', 'tsx', options.entry],
    cwd: options.projectRoot,
    env: options.env,
    pidFile: join(logDir, `${name}.pid`),
    output: { file },
  });
  options.onLaunch(child);
  const giveUp = (): void => {
    void child.stop('SIGTERM', LIMIT_MS);
  };
  signal?.addEventListener('abort', giveUp, { once: true });
  const exit = await child.exited;
  signal?.removeEventListener('abort', giveUp);
  signal?.throwIfAborted();
  if (exit.code !== 0)
    throw new StartError(`${name} ${describeExit(exit)}; end of ${file}:\n${await logTail(file, from)}`);
}
