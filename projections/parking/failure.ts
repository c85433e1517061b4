import type { ProjectionError } from '../kit/projection-error.ts';
import type { Diagnosis } from './diagnosis.ts';

/** Why an event is parked. */
export interface Failure {
  /** What operators group by. */
  readonly cause: string;
  /** For people: which rule, field, constraint or column. No text of a library or of PostgreSQL. */
  readonly detail: string;
  /** What was thrown, for the log. */
  readonly error?: unknown;
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
  if (!(cause instanceof Error) || cause.code === undefined) {
    const name = cause instanceof Error ? cause.name : 'cannot be folded';
    return {
      ...printable(`${projection}: ${name}`, `projection ${projection} cannot apply the event`),
      error: cause,
    };
  }
  const { code, constraint, column } = cause;
  const condition = conditionOf(cause);
  const where = [`SQLSTATE ${code}`, ...named('constraint', constraint), ...named('column', column)].join(
    ', ',
  );
  const detail = `PostgreSQL refuses the row of projection ${projection}: ${condition} (${where})`;
  return { ...printable(`${projection}: ${condition}`, detail), error: cause };
}

function conditionOf({ code = '', constraint, column }: DatabaseError): string {
  if (constraint) return `violates ${constraint}`;
  if (column) return `nothing in ${column}`;
  return conditions[code] ?? `refused with ${code}`;
}

const named = (what: string, name: string | undefined): string[] => (name ? [`${what} ${name}`] : []);

export const failureOfDiagnosis = ({ cause, differences, error }: Diagnosis): Failure => ({
  ...printable(
    cause,
    differences.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; '),
  ),
  ...(error === undefined ? {} : { error }),
});

const printable = (cause: string, detail: string): Failure => ({
  cause: printableText(cause, MAX_CAUSE),
  detail: printableText(detail, MAX_DETAIL),
});

/** What comes from a message may hold anything; PostgreSQL takes neither NUL nor half a surrogate pair. */
export const printableText = (text: string, maximum: number): string =>
  Array.from(text.replaceAll(/[\p{Cc}\p{Cs}]/gu, '\ufffd'))
    .slice(0, maximum)
    .join('');
