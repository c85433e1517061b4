/** Another relay has taken the shard over; this one must stop. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/** The stream will never take one of these rows as it is: too large, or of a subject that it refuses. */
export class RowsRefusedError extends Error {
  override readonly name = 'RowsRefusedError';
}

/**
 * The stream refuses what it is given and may take the same later, such as when it has no room. Nothing says that a row
 * is at fault; `mayBeOneRow` is false where it is known that none is.
 */
export class StreamRefusedError extends Error {
  override readonly name = 'StreamRefusedError';
  readonly mayBeOneRow: boolean;
  constructor(message: string, { mayBeOneRow, cause }: { mayBeOneRow: boolean; cause?: unknown }) {
    super(message, { cause });
    this.mayBeOneRow = mayBeOneRow;
  }
}

/** The database is a restored copy or a replica; a person has to decide. */
export class OutboxRefusedError extends Error {
  override readonly name: string = 'OutboxRefusedError';
  readonly why: 'REPLICA' | 'RESTORED' | 'STREAM_AHEAD';
  constructor(why: OutboxRefusedError['why'], message: string) {
    super(message);
    this.why = why;
  }
}

/** The copy is a dump: transaction ids began again. */
export class DumpRestoredError extends OutboxRefusedError {
  override readonly name = 'DumpRestoredError';
  constructor(message: string) {
    super('RESTORED', message);
  }
}

/** The stream holds messages of this outbox that the database does not know: it was set back to an older copy. */
export class StreamAheadError extends OutboxRefusedError {
  override readonly name = 'StreamAheadError';
  constructor(message: string) {
    super('STREAM_AHEAD', message);
  }
}
