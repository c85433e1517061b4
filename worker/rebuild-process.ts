import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/**
 * Runs `npm run rebuild` in a separate process with the same settings. Its output goes to stderr, so that stdout holds the
 * caller's report alone.
 * @param projections names, or `all`. @throws Error when the rebuild fails
 */
export async function rebuildProjections(projections: readonly string[]): Promise<void> {
  const here = fileURLToPath(import.meta.url);
  const entry = fileURLToPath(
    new URL(`../projections/rebuild.main${here.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url),
  );
  const child = spawn(process.execPath, [...process.execArgv, entry, ...projections], {
    stdio: ['ignore', 2, 2],
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0)
    throw new Error(`the rebuild of ${projections.join(', ')} ended with ${code ?? 'a signal'}`);
}
