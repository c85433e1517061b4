import type { Knex } from '../../db/connection.ts';
import type { Wait } from './protocol.ts';

/** Adds up how long answers took, by what was asked. */
export interface Waits {
  add(what: string, seconds: number): void;
  /** The longest first. */
  all(): Wait[];
}

export function createWaits(): Waits {
  const waits = new Map<string, { times: number; seconds: number }>();
  return {
    add: (what, seconds) => {
      const so = waits.get(what) ?? { times: 0, seconds: 0 };
      waits.set(what, { times: so.times + 1, seconds: so.seconds + seconds });
    },
    all: () => [...waits].map(([what, wait]) => ({ what, ...wait })).sort((a, b) => b.seconds - a.seconds),
  };
}

/** What Knex tells of a statement when it is sent and when it is answered. */
interface Statement {
  readonly __knexQueryUid: string;
  readonly sql: string;
}
const SHOWN = 60;

/** Times each statement of a pool from its sending to its answer. */
export function timeStatements(db: Knex, waits: Waits): void {
  const sentAt = new Map<string, number>();
  db.on('query', ({ __knexQueryUid: id }: Statement) => {
    sentAt.set(id, performance.now());
  });
  db.on('query-response', (_answer: unknown, { __knexQueryUid: id, sql }: Statement) => {
    const sent = sentAt.get(id);
    sentAt.delete(id);
    if (sent !== undefined) waits.add(shortened(sql), (performance.now() - sent) / 1_000);
  });
}

/** The beginning of a statement, in one line. */
export const shortened = (sql: string): string => sql.trim().replaceAll(/\s+/g, ' ').slice(0, SHOWN);
