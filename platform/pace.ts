import { setTimeout as pause } from 'node:timers/promises';

/** Waits for so many ms, or until aborted; being aborted is no error. */
export async function pauseUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** @returns a function that resolves at most so many times a second, evenly spread; the first call at once. */
export function paced(perSecond: number, signal?: AbortSignal): () => Promise<void> {
  const everyMs = 1_000 / perSecond;
  let nextAt = 0;
  return async () => {
    const now = performance.now();
    const at = Math.max(now, nextAt);
    nextAt = at + everyMs;
    if (at > now) await pause(at - now, undefined, signal && { signal });
  };
}

/** Handles all items, so many at a time. @throws the first failure; items that were not begun are left out then */
export async function forEachOf<T>(
  items: readonly T[],
  atATime: number,
  handle: (item: T) => Promise<void>,
): Promise<void> {
  const left = [...items];
  const handleNext = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await handle(item);
  };
  const all = await Promise.allSettled(Array.from({ length: atATime }, handleNext));
  const failed = all.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}
