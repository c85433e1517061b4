import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { openLoop } from '../measure/loops.ts';
import { latency } from '../scenarios/relay.ts';

/** Before anything counts. */
export const WARM_UP_MS = 1_000;

/** Of a loop whose acts are timed by their consequences. */
export const windowOf = (seconds: number): Parameters<typeof openLoop>[1] => ({
  warmUpMs: WARM_UP_MS,
  measureMs: seconds * 1_000,
  processes: {},
});

/** One act, then a pause, so that every act meets something that has nothing to do. */
export async function oneAtATime(seconds: number, act: () => Promise<void>): Promise<void> {
  const until = performance.now() + WARM_UP_MS + seconds * 1_000;
  const { from, to } = latency.idlePauseMs;
  while (performance.now() < until) {
    await act();
    await pause(randomInt(from, to));
  }
}
