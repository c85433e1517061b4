/** Another relay has taken the shard over; this one must stop. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/** The stream will never take one of these rows as it is: too large, or of a subject that it refuses. */
export class RowsRefusedError extends Error {
  override readonly name = 'RowsRefusedError';
}

/** The database is a restored copy or a replica; a person has to decide. */
export class OutboxRefusedError extends Error {
  override readonly name = 'OutboxRefusedError';
  readonly why: 'REPLICA' | 'RESTORED';
  constructor(why: OutboxRefusedError['why'], message: string) {
    super(message);
    this.why = why;
  }
}
