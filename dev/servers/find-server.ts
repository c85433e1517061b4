import { reasonOf, StartError, type Waiting } from './progress.ts';

/** One way to come by a server. */
export interface Way {
  /** As a person would say it: `on PATH`, `in the cache`, `go install`. */
  readonly name: string;
  /** @returns the path of its executable. @throws NotThere, or what went wrong. */
  find(waiting: Waiting): Promise<string>;
}

/** A way that is not open here; nothing went wrong. */
export class NotThere extends Error {
  override readonly name = 'NotThere';
}

interface Search {
  readonly server: string;
  readonly ways: readonly Way[];
  /** What a person can do when no way leads there. */
  readonly advice: string;
}

/**
 * Tries the ways in their order and answers the first executable. A way that was open and failed is noted in the
 * progress. @throws StartError that names the server, each way with its reason, and what to install.
 */
export async function findServer(search: Search, waiting: Waiting): Promise<string> {
  const reasons: string[] = [];
  for (const way of search.ways) {
    waiting.signal?.throwIfAborted();
    try {
      return await way.find(waiting);
    } catch (error) {
      waiting.signal?.throwIfAborted();
      const reason = reasonOf(error);
      reasons.push(`  ${way.name}: ${reason}`);
      if (!(error instanceof NotThere)) waiting.progress(`${search.server}: ${way.name}: ${reason}`);
    }
  }
  throw new StartError(`${search.server} cannot be found. Tried:\n${reasons.join('\n')}\n${search.advice}`);
}
