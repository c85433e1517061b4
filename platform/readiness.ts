import { messageOf } from './error-serializer.ts';
import type { Logger } from './logger.ts';
import { createReminder } from './reminder.ts';

/** Rejects while the thing it names cannot be used: with `NotReady`, or with what a library throws. */
export type ReadinessCheck = () => Promise<void>;

/** Why something cannot be used, in a text that anybody may read: probes are not authenticated. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

const CHECK_LIMIT_MS = 2_000;

interface ServerProblem {
  readonly codes: RegExp;
  readonly text: string;
  /** For tools, which name the setting to check. Absent: the setting is right. */
  readonly problem?: 'OUT_OF_REACH' | 'REFUSED';
}

/**
 * What the codes of Node, PostgreSQL, the NATS client and gRPC mean to an operator; the first that fits. What fits none
 * makes the process unready as well.
 */
const problems: readonly ServerProblem[] = [
  {
    codes: /^(28...|42501|AUTHORIZATION_VIOLATION|AUTHENTICATION_EXPIRED|PERMISSIONS_VIOLATION|7|16)$/,
    text: 'refuses the credentials or lacks a permission',
    problem: 'REFUSED',
  },
  { codes: /^25006$/, text: 'takes no writes: it is read-only' },
  { codes: /^3D000$/, text: 'lacks the database that the address names', problem: 'REFUSED' },
  {
    codes: /^(3F000|42P01|42703|42883)$/,
    text: 'lacks a table, column or function; run the migrations',
  },
  { codes: /^(53...|8)$/, text: 'has no resources left' },
  { codes: /^(58...|XX...|F0...)$/, text: 'reports a fault of its own' },
  { codes: /^(40...|55...)$/, text: 'is busy: others hold a lock, or the statement met a conflict' },
  {
    codes: /^(ETIMEDOUT|57014|TIMEOUT|4)$/,
    text: `no answer within ${CHECK_LIMIT_MS} ms`,
    problem: 'OUT_OF_REACH',
  },
  {
    codes: /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/,
    text: 'no TLS connection that can be trusted; check the certificates and the address',
    problem: 'OUT_OF_REACH',
  },
  // Node's own codes are words that begin with E.
  {
    codes: /^(E(?!RR_)[A-Z0-9_]+|08...|57P..|25P03|DISCONNECT|CONNECTION_CLOSED|CONNECTION_REFUSED|503|14)$/,
    text: 'cannot be reached',
    problem: 'OUT_OF_REACH',
  },
];

const known = (error: unknown): ServerProblem | undefined => {
  const codes = codesOf(error);
  return problems.find((problem) => codes.some((code) => problem.codes.test(code)));
};

/** The fixed text for a kind of problem; what the error says is logged. */
const textOf = (error: unknown): string =>
  error instanceof NotReady
    ? error.message
    : (known(error)?.text ?? 'cannot be used; the log of the process says why');

/** node-postgres and knex, where a connection breaks or none comes free, without a code. */
const UNREACHABLE_TEXT =
  /Connection terminated|connection error|timeout expired|Timeout acquiring a connection/;

/** What kind of problem with a server an error is; undefined for any other error. */
export function problemWithServer(error: unknown): ServerProblem['problem'] {
  const isUnreachable =
    error instanceof Error && codesOf(error).length === 0 && UNREACHABLE_TEXT.test(error.message);
  return known(error)?.problem ?? (isUnreachable ? 'OUT_OF_REACH' : undefined);
}

/** Codes of an error, of its causes and of an AggregateError's members. */
function codesOf(error: unknown, depth = 0): string[] {
  if (!(error instanceof Error) || depth > 5) return [];
  const own = 'code' in error ? [String(error.code)] : [];
  const inner: unknown[] = error instanceof AggregateError ? error.errors : [];
  return [...own, ...[...inner, error.cause].flatMap((member) => codesOf(member, depth + 1))];
}

/**
 * Runs the checks for `/readyz`. Technical text goes to the log, once per problem and minute.
 * @returns by name: 'ok', or why not
 */
export function createReadiness(
  checks: Readonly<Record<string, ReadinessCheck>>,
  logger: Logger,
): () => Promise<Readonly<Record<string, string>>> {
  const everReady = new Set<string>();
  const reminders = new Map(Object.keys(checks).map((name) => [name, createReminder()]));

  const outcomeOf = async (name: string, check: ReadinessCheck): Promise<string> => {
    try {
      await inTime(check);
      reminders.get(name)?.clear();
      everReady.add(name);
      return 'ok';
    } catch (error) {
      const text = textOf(error);
      if (reminders.get(name)?.isDue(`${text}: ${messageOf(error)}`) === true) {
        // A process that starts waits for what it needs, which is no reason to warn.
        logger[everReady.has(name) ? 'warn' : 'info'](
          { check: name, err: error },
          `not ready: ${name} ${text}`,
        );
      }
      return text;
    }
  };

  return async () => {
    const outcomes = Object.entries(checks).map(
      async ([name, check]) => [name, await outcomeOf(name, check)] as const,
    );
    return Object.fromEntries(await Promise.all(outcomes));
  };
}

/** @throws NotReady when the check takes too long */
async function inTime(check: ReadinessCheck): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new NotReady(`no answer within ${CHECK_LIMIT_MS} ms`));
    }, CHECK_LIMIT_MS);
  });
  try {
    await Promise.race([check(), limit]);
  } finally {
    clearTimeout(timer);
  }
}
