/** A projection cannot take an event, or the rows that events make: they are at fault, not what is around them. */
export class ProjectionError extends Error {
  override readonly name = 'ProjectionError';
  /** Of the projection. */
  readonly projection: string;
  constructor(projection: string, cause: unknown) {
    super(`projection ${projection}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.projection = projection;
  }
}
