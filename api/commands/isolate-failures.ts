import { mayBlameOneRow } from '../../db/database-failures.ts';

/**
 * Writes items together. When the write as a whole fails, its halves are written on their own, so that in the end
 * nobody fails but the culprit. When no single item can be to blame, nothing is tried again: the other items would fare
 * no better, and while the database is out of reach it is not known whether the commit came through.
 * @param write all or none; answers each item, in their order
 */
export async function isolateFailures<T, R>(
  items: readonly T[],
  write: (items: readonly T[]) => Promise<readonly PromiseSettledResult<R>[]>,
): Promise<readonly PromiseSettledResult<R>[]> {
  if (items.length === 0) return [];
  try {
    return await write(items);
  } catch (reason) {
    if (items.length === 1 || !mayBlameOneRow(reason))
      return items.map(() => ({ status: 'rejected', reason }));
    const half = Math.ceil(items.length / 2);
    return [
      ...(await isolateFailures(items.slice(0, half), write)),
      ...(await isolateFailures(items.slice(half), write)),
    ];
  }
}
