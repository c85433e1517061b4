import type { Knex } from '../../db/connection.ts';
import { PARTITIONS } from '../../domain/topology.ts';

/** The last message that is applied, by partition. */
export type Sequences = readonly number[];

/** How far tables are in a stream. */
export interface Positions {
  /** `created` of the stream; null before its first message. */
  readonly created: string | null;
  readonly sequences: Sequences;
}

export const allAt = (sequence: number): Sequences => Array.from({ length: PARTITIONS }, () => sequence);

/** Where the live tables are, as the caller's transaction sees it. @throws Error when they are between two streams */
export async function livePositions(db: Knex): Promise<Positions> {
  const rows: { created: string | null; sequence: string }[] = await db('read.checkpoints')
    .orderBy('partition')
    .select('stream_created as created', 'stream_sequence as sequence');
  const streams = new Set(rows.map(({ created }) => created).filter((created) => created !== null));
  if (streams.size > 1)
    throw new Error(
      'partitions of the live tables were read from different streams; let a projector run until all have the present one, and try again',
    );
  return { created: [...streams][0] ?? null, sequences: rows.map(({ sequence }) => Number(sequence)) };
}

/** In each partition the place that is further. */
export const furthest = (a: Sequences, b: Sequences): Sequences =>
  a.map((sequence, partition) => Math.max(sequence, b[partition] ?? 0));

/** The part of the stream that lies between two places: behind `after`, up to `last`; undefined when it is empty. */
export function spanOf(from: Sequences, to: Sequences): { after: number; last: number } | undefined {
  // A partition in which nothing is new, as where a projector stands still, says nothing about where to begin.
  const moved = to.flatMap((last, partition) => {
    const after = from[partition] ?? 0;
    return last > after ? [{ after, last }] : [];
  });
  if (moved.length === 0) return undefined;
  return {
    after: Math.min(...moved.map(({ after }) => after)),
    last: Math.max(...moved.map(({ last }) => last)),
  };
}
