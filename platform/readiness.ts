import { messageOf } from './error-serializer.ts';
import type { Logger } from './logger.ts';

/** Rejects while the thing it names cannot be used: with `NotReady`, or with what a library throws. */
export type ReadinessCheck = () => Promise<void>;

/** Why something cannot be used, in a text that anybody may read: probes are not authenticated. */
export class NotReady extends Error {
  override readonly name = 'NotReady';
}

const CHECK_LIMIT_MS = 2_000;
/** The same problem is logged again after this. */
const LOG_AGAIN_MS = 60_000;

/**
 * What the codes of Node, PostgreSQL, the NATS client and gRPC mean to an operator; the first that fits. What fits none
 * makes the process unready as well.
 */
const texts: readonly (readonly [codes: RegExp, text: string])[] = [
  [
    /^(28...|42501|AUTHORIZATION_VIOLATION|AUTHENTICATION_EXPIRED|PERMISSIONS_VIOLATION|7|16)$/,
    'refuses the credentials or lacks a permission',
  ],
  [/^25006$/, 'takes no writes: it is read-only'],
  [/^(3D000|3F000|42P01|42703|42883)$/, 'lacks a database, table, column or function; run the migrations'],
  [/^(53...|8)$/, 'has no resources left'],
  [/^(58...|XX...|F0...)$/, 'reports a fault of its own'],
  [/^(40...|55...)$/, 'is busy: others hold a lock, or the statement met a conflict'],
  [/^(ETIMEDOUT|57014|TIMEOUT|4)$/, `no answer within ${CHECK_LIMIT_MS} ms`],
  [
    /^(ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|INVALID_CA|EPROTO)/,
    'no TLS connection that can be trusted; check the certificates and the address',
  ],
  // Node's own codes are words that begin with E.
  [
    /^(E(?!RR_)[A-Z0-9_]+|08...|57P..|25P03|DISCONNECT|CONNECTION_CLOSED|CONNECTION_REFUSED|503|14)$/,
    'cannot be reached',
  ],
];

/** The fixed text for a kind of problem; what the error says is logged. */
function textOf(error: unknown): string {
  if (error instanceof NotReady) return error.message;
  const codes = codesOf(error);
  const known = texts.find(([pattern]) => codes.some((code) => pattern.test(code)));
  return known?.[1] ?? 'cannot be used; the log of the process says why';
}

/** node-postgres and knex, where a connection breaks or none comes free, without a code. */
const UNREACHABLE_TEXT =
  /Connection terminated|connection error|timeout expired|Timeout acquiring a connection/;

/** What kind of problem with a server an error is; undefined for any other error. */
export function problemWithServer(error: unknown): 'OUT_OF_REACH' | 'REFUSED' | undefined {
  const codes = codesOf(error);
  if (codes.some((code) => REFUSES_US.test(code) || code === '3D000')) return 'REFUSED';
  const isOutOfReach =
    codes.some((code) => UNREACHABLE.test(code) || TOO_SLOW.test(code)) ||
    (error instanceof Error && codes.length === 0 && UNREACHABLE_TEXT.test(error.message));
  return isOutOfReach ? 'OUT_OF_REACH' : undefined;
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
  const logged = new Map<string, { readonly text: string; readonly at: number }>();

  const outcomeOf = async (name: string, check: ReadinessCheck): Promise<string> => {
    try {
      await inTime(check);
      logged.delete(name);
      everReady.add(name);
      return 'ok';
    } catch (error) {
      const text = textOf(error);
      const said = `${text}: ${messageOf(error)}`;
      const last = logged.get(name);
      const now = performance.now();
      if (last?.text !== said || now - last.at >= LOG_AGAIN_MS) {
        logged.set(name, { text: said, at: now });
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
