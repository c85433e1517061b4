/** Where one error leads to others, the first is the one to report: the others tell only how the process ended. */

/**
 * Runs, and closes however that ends. @throws the error of the run, or else that of closing
 * @param onLater takes the error of closing after one of the run
 */
export async function closingAfter<T>(
  run: () => Promise<T>,
  close: () => Promise<void>,
  onLater: (error: unknown) => void,
): Promise<T> {
  let result: T;
  try {
    result = await run();
  } catch (error) {
    await close().catch(onLater);
    throw error;
  }
  await close();
  return result;
}

/**
 * Runs tasks side by side until all have ended; when the signal comes or one fails, all are told to stop.
 * @throws the error that came first
 * @param onLater takes the errors after it
 */
export async function untilAllEnd(
  tasks: readonly ((stop: AbortSignal) => Promise<unknown>)[],
  signal: AbortSignal,
  onLater: (error: unknown) => void,
): Promise<void> {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  let first: { readonly error: unknown } | undefined;
  await Promise.all(
    tasks.map(async (task) => {
      try {
        await task(stop);
      } catch (error) {
        if (first) onLater(error);
        else first = { error };
        failed.abort();
      }
    }),
  );
  if (first) throw first.error;
}
