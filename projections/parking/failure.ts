import type { ProjectionError } from '../kit/projection-error.ts';
import type { Diagnosis } from './diagnosis.ts';

/** Why an event is parked. */
export interface Failure {
  /** What operators group by. */
  readonly cause: string;
  /** For people. */
  readonly detail: string;
}

const MAX_CAUSE = 200;
const MAX_DETAIL = 2_000;

/** What PostgreSQL calls what it refuses, in short; others by their code. */
const conditions: Readonly<Record<string, string>> = {
  '21000': 'two rows for one',
  '22001': 'text too long',
  '22003': 'numeric out of range',
  '22007': 'no date or time',
  '22008': 'time out of range',
  '22021': 'text with a zero byte',
  '22P02': 'no such value of the type',
  '22P05': 'text with a zero byte',
  '54000': 'limit of a row or an index',
};

/** Fields of node-postgres' errors. */
interface DatabaseError extends Error {
  readonly code?: string;
  readonly constraint?: string;
  readonly column?: string;
}

export function failureOf(error: ProjectionError): Failure {
  const { projection } = error;
  const cause = error.cause as DatabaseError;
  const says = cause instanceof Error ? cause.message : String(cause);
  if (!(cause instanceof Error) || cause.code === undefined)
    return printable(`${projection}: ${cause instanceof Error ? cause.name : 'cannot be folded'}`, says);
  const condition = cause.constraint
    ? `violates ${cause.constraint}`
    : cause.column
      ? `nothing in ${cause.column}`
      : (conditions[cause.code] ?? `refused with ${cause.code}`);
  // Knex puts the statement, with all rows of the page, before what PostgreSQL says.
  return printable(`${projection}: ${condition}`, says.slice(says.lastIndexOf(' - ') + 1));
}

export const failureOfDiagnosis = ({ cause, differences }: Diagnosis): Failure =>
  printable(
    cause,
    differences.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; '),
  );

const printable = (cause: string, detail: string): Failure => ({
  cause: printableText(cause, MAX_CAUSE),
  detail: printableText(detail, MAX_DETAIL),
});

/** What comes from a message may hold anything; PostgreSQL takes neither NUL nor half a surrogate pair. */
export const printableText = (text: string, maximum: number): string =>
  Array.from(text.replaceAll(/[\p{Cc}\p{Cs}]/gu, '\ufffd'))
    .slice(0, maximum)
    .join('');
