/** Takes one line for the person who waits. */
export type Progress = (line: string) => void;

/** What every function here that takes long is given. */
export interface Waiting {
  readonly progress: Progress;
  /** Gives up: what was begun is ended, and the call rejects. */
  readonly signal?: AbortSignal | undefined;
}

/** The reason of a failure in one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message || error.cause.name})` : '';
  return `${error.message || error.name}${cause}`;
}

/** An expected failure: its message says everything, a stack trace would add nothing. */
export class StartError extends Error {
  override readonly name = 'StartError';
}
