/**
 * Runs tasks at the same time. When one fails the others are told to give up, and only when all have ended is the
 * first failure thrown: nothing goes on behind the caller's back.
 */
export async function allOrNone<T>(
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
  outer: AbortSignal,
): Promise<T[]> {
  const giveUp = new AbortController();
  const signal = AbortSignal.any([outer, giveUp.signal]);
  let first: { readonly error: unknown } | undefined;
  const running = tasks.map(async (task) => {
    try {
      return await task(signal);
    } catch (error) {
      first ??= { error };
      giveUp.abort();
      throw error;
    }
  });
  await Promise.allSettled(running);
  if (first) throw first.error;
  return Promise.all(running);
}
