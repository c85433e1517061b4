import { setTimeout as pause } from 'node:timers/promises';
import type { Knex } from 'knex';
import type { Claim } from './cursor.ts';
import { RowsRefusedError, StreamRefusedError } from './errors.ts';
import { beginAttempt, endAttempt, type Attempts } from './parking.ts';
import type { StreamPosition } from './ports.ts';
import type { OutboxRow } from './rows.ts';

interface Deps {
  readonly db: Knex;
  readonly claim: Claim;
  readonly publish: (rows: readonly OutboxRow[]) => Promise<StreamPosition>;
}

/** What became of a row that was sent by itself. */
export type Outcome = StreamPosition | { readonly cause: string } | Refused;

export interface Refused {
  readonly refusal: StreamRefusedError;
  /** Refusals since the row's attempts are counted, this one included. */
  readonly times: number;
}

/** Attempts that a row may end the process in. */
const MOST_DEATHS = 3;
/** Doubled after each refusal, in ms. */
const PAUSE_MS = 50;

/**
 * Publishes one row by itself. Each attempt is written down first, so that a row that ends the process is found.
 * @param mostRefusals attempts in which a row that is known to be at fault is refused
 * @returns where it lies in the stream, or why it is at fault, or the refusal of a stream that may refuse any row
 * @throws what may pass by itself
 */
export async function tryRow(
  { db, claim, publish }: Deps,
  row: OutboxRow,
  mostRefusals: number,
): Promise<Outcome> {
  for (let refusals = 1; ; refusals++) {
    const attempts = await beginAttempt(db, claim, row);
    if (endsTheProcess(attempts)) {
      await endAttempt(db, claim, row, 'FAILED');
      return { cause: `the relay ended ${MOST_DEATHS} times while it published this row` };
    }
    try {
      const position = await publish([row]);
      await endAttempt(db, claim, row, 'PUBLISHED');
      return position;
    } catch (error) {
      const mayBeAtFault = error instanceof StreamRefusedError && error.mayBeOneRow;
      const isAtFault = error instanceof RowsRefusedError;
      await endAttempt(db, claim, row, isAtFault || mayBeAtFault ? 'REFUSED' : 'FAILED');
      if (mayBeAtFault) return { refusal: error, times: attempts.refused + 1 };
      if (!isAtFault) throw error;
      if (refusals >= mostRefusals) return { cause: error.message };
    }
    await pause(PAUSE_MS * 2 ** (refusals - 1));
  }
}

const endsTheProcess = ({ started, finished }: Attempts): boolean => started - 1 - finished >= MOST_DEATHS;
