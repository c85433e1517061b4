import { runEntryPoint } from './entry-point.ts';

/** Runs `npm run set-back` as operators do. */
export const runSetBack = (
  env: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<{ readonly code: number | null; readonly output: string }> =>
  runEntryPoint('worker/set-back.main.ts', args, env).ended;
