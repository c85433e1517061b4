import type { Measurement } from '../relay/rates.ts';
import type { LoadResult } from './clients.ts';
import type { Overload } from './overload.ts';

/** One load of the command API, at so many connections. */
export interface Cell {
  readonly what: string;
  readonly connections: number;
  readonly result: LoadResult;
  /** Orders per transaction; NaN where there is none. */
  readonly perBatch: number;
}

export interface Measurements {
  readonly rates: readonly Measurement[];
  readonly cells: readonly Cell[];
  readonly overload: Overload;
}
