import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { addToEnvironment, loadConfig, settingsOfTools } from '../platform/config.ts';
import { configOrExit } from '../platform/run-process.ts';
import { temporalSettings } from '../platform/temporal/settings.ts';
import { stackSchema } from './dev-config.ts';
import { cachePath } from './servers/cache.ts';
import { hasCode, livePid } from './servers/process-identity.ts';
import { dataDirOf } from './stack-settings.ts';

/** What a running stack tells to the commands of its clone. */
const runningSchema = z.object({
  /** Base address of the API. */
  api: z.string(),
  /** Settings with which a command works on this stack. */
  settings: z.record(z.string(), z.string()),
});
export type RunningStack = z.infer<typeof runningSchema>;

/** Says which process runs the stack of a data folder. */
export const lockOf = (dataDir: string): string => join(dataDir, 'stack.pid');
const fileOf = (dataDir: string): string => join(dataDir, 'stack.json');

/** For the commands of this clone, until `forgetStack`. Addresses may hold a password: nobody else reads it. */
export async function tellOfStack(dataDir: string, stack: RunningStack): Promise<void> {
  const settings = { ...settingsOfTools(), ...stack.settings };
  // Whole or not at all: a command may read it at any time.
  const written = `${fileOf(dataDir)}.${process.pid}`;
  await rm(written, { force: true });
  await writeFile(written, JSON.stringify({ ...stack, settings }), { mode: 0o600 });
  await rename(written, fileOf(dataDir));
}

export const forgetStack = (dataDir: string): Promise<void> => rm(fileOf(dataDir), { force: true });

/** The stack that `npm start` runs of this clone; undefined while none does. */
async function findRunningStack(): Promise<RunningStack | undefined> {
  const dataDir = dataDirOf(
    configOrExit(() => loadConfig(stackSchema)),
    cachePath(),
    resolve(import.meta.dirname, '..'),
  );
  if ((await livePid(lockOf(dataDir))) === undefined) return undefined;
  try {
    return runningSchema.parse(JSON.parse(await readFile(fileOf(dataDir), 'utf8')));
  } catch (error) {
    // It is only starting, or belongs to another user.
    if (hasCode(error, 'ENOENT', 'EACCES')) return undefined;
    throw error;
  }
}

/**
 * Who gives one of these means another installation than the stack: what is in one database, stream and namespace is told
 * apart by them alone, so that nothing is taken of the stack then.
 */
const SERVERS = [
  ...['DATABASE_URL', 'READ_DATABASE_URL', 'PGHOST', 'PGPORT', 'PGDATABASE'],
  ...['NATS_URL', 'NATS_USER', 'NATS_PASSWORD'],
  ...Object.keys(temporalSettings),
];

/**
 * Lets this process work on the running stack: its settings are taken where the environment has none of its own.
 * @returns undefined while no stack of this clone runs, or when the environment names servers itself
 */
export async function useRunningStack(): Promise<RunningStack | undefined> {
  const stack = await findRunningStack();
  return stack && addToEnvironment(stack.settings, SERVERS) ? stack : undefined;
}
