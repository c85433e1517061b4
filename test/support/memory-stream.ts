import type { Publisher, StreamPosition } from '../../db/outbox/ports.ts';
import type { OutboxRow } from '../../db/outbox/rows.ts';

/** A stream in memory that a relay publishes to; it can fail, lose its tail, or be replaced. */
export class MemoryStream implements Publisher {
  readonly published: OutboxRow[] = [];
  created = 'first';
  /** Awaited before each page is stored; throw to refuse it. */
  beforePublish: (rows: readonly OutboxRow[]) => Promise<void> = () => Promise.resolve();
  /** Called after a page was stored; throw to lose the answer. */
  afterPublish: () => void = () => undefined;

  /** Called with a page before its turn. */
  onStage: (rows: readonly OutboxRow[]) => void = () => undefined;

  get lastPosition(): StreamPosition {
    return { created: this.created, lastSequence: this.published.length };
  }

  position(): Promise<StreamPosition> {
    return Promise.resolve(this.lastPosition);
  }

  idAt(sequence: number): Promise<string | undefined> {
    return Promise.resolve(this.published[sequence - 1]?.id);
  }

  async publish(rows: readonly OutboxRow[]): Promise<StreamPosition> {
    await this.beforePublish(rows);
    this.published.push(...rows);
    this.afterPublish();
    return this.lastPosition;
  }

  stage(rows: readonly OutboxRow[]): () => Promise<StreamPosition> {
    this.onStage(rows);
    return () => this.publish(rows);
  }
}

/** Versions per aggregate, in the order they were published. */
export function versionsByAggregate(
  rows: readonly { aggregateId: string; aggregateVersion: number }[],
): Map<string, number[]> {
  const versions = new Map<string, number[]>();
  for (const { aggregateId, aggregateVersion } of rows) {
    versions.set(aggregateId, [...(versions.get(aggregateId) ?? []), aggregateVersion]);
  }
  return versions;
}
