import { spawn } from 'node:child_process';
import { childEnvironment } from '../../platform/config.ts';
import type { Waiting } from './progress.ts';

const REPORT_EVERY_MS = 10_000;
const KEPT_OUTPUT = 4_000;

interface CommandOptions extends Waiting {
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Shown every 10 s with the time that has passed; absent for commands that end at once. */
  readonly label?: string;
}

/** Runs a command to its end. @returns what it printed. @throws with the end of that when it fails. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<string> {
  const { label, progress, signal } = options;
  const began = Date.now();
  const timer = setInterval(() => {
    if (label !== undefined) progress(`${label}: ${Math.round((Date.now() - began) / 1_000)} s`);
  }, REPORT_EVERY_MS);
  try {
    return await new Promise<string>((resolve, reject) => {
      const child = spawn(command, args, {
        cwd: options.cwd,
        env: childEnvironment(options.env ?? {}),
        stdio: ['ignore', 'pipe', 'pipe'],
        ...(signal ? { signal } : {}),
      });
      let output = '';
      const keep = (chunk: Buffer): void => {
        output = (output + chunk.toString('utf8')).slice(-KEPT_OUTPUT);
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.once('error', reject);
      child.once('close', (code) => {
        if (code === 0) resolve(output);
        else reject(new Error(`${command} ended with code ${code ?? 'none'}: ${lastLines(output)}`));
      });
    });
  } finally {
    clearInterval(timer);
  }
}

const lastLines = (output: string): string => output.trim().split('\n').slice(-5).join('\n    ');
