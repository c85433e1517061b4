/** Another relay has taken the shard over; this one must stop. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/** The database is a restored copy or a replica; a person has to decide. */
export class OutboxRefusedError extends Error {
  override readonly name = 'OutboxRefusedError';
}
