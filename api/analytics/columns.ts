/** A column of a table that people take with them; the same in every format. */
export interface Column {
  readonly name: string;
  /** `day`: `2026-01-31`. `time`: ISO 8601, UTC. `whole`: counts and minor units, 64 bits. */
  readonly type: 'text' | 'day' | 'time' | 'whole' | 'decimal';
}

export type Row = Readonly<Record<string, string | number | null>>;

/** Rows come page by page, so that a table may be longer than memory. */
export interface Table {
  readonly columns: readonly Column[];
  readonly pages: AsyncIterable<readonly Row[]>;
}
