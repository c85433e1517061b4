import {
  ApplicationFailure,
  asyncLocalStorage,
  CancelledFailure,
  CompleteAsyncError,
} from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { patientPauseAfter } from '../domain/call-retries.ts';
import { isBusinessRefusal, isUpdateRefusal, OrderSystemError } from '../domain/errors.ts';
import {
  safeFailure,
  type FailureCode,
  type FailureFields,
  type SafeFailure,
} from '../domain/failure-texts.ts';

/** An answer: repeating the call does not change it. */
const isAnswer = (code: FailureCode): boolean => isBusinessRefusal(code) || isUpdateRefusal(code);

/** For every caller. What else ends the retries of a saga's call is in its retry policy: `finalCodes`. */
const isFinal = (code: FailureCode): boolean => isAnswer(code) || code === 'OUTBOX_REFUSED';

/** Not logged by the SDK as faults. */
const isBenign = (code: FailureCode): boolean => isAnswer(code) || code === 'RELAY_HANDED_OVER';

interface Pacing {
  /** Before the next attempt, instead of the retry policy's interval. */
  readonly retryAfterMs?: number;
}

/** What was made here passes as it is. */
const made = new WeakSet<Error>();

function toApplicationFailure(
  { code, fields, detail }: SafeFailure,
  { retryAfterMs }: Pacing = {},
): ApplicationFailure {
  const failure = ApplicationFailure.create({
    message: detail,
    type: code,
    nonRetryable: isFinal(code),
    details: [fields],
    ...(isBenign(code) ? { category: ApplicationFailureCategory.BENIGN } : {}),
    ...(retryAfterMs === undefined ? {} : { nextRetryDelay: retryAfterMs }),
  });
  // It would be written into the history.
  failure.stack = '';
  made.add(failure);
  return failure;
}

/** A failure that an activity throws by itself. */
export const failWith = <C extends FailureCode>(
  code: C,
  fields?: FailureFields<C>,
  pacing?: Pacing,
): ApplicationFailure => toApplicationFailure(safeFailure(code, fields), pacing);

/**
 * The one mapping from our errors to Temporal's: the code becomes the failure's type, its fixed text the message, and
 * its fields the details. A business refusal is not retried and, being an answer and no fault, is not logged as one.
 * An error without a code becomes `FAILED`, which Temporal retries. Neither causes nor stack traces pass.
 */
export function toFailure(error: unknown, pacing?: Pacing): Error {
  // The SDK recognizes these, and they carry nothing of ours.
  if (error instanceof CancelledFailure || error instanceof CompleteAsyncError || isAbort(error))
    return error;
  if (error instanceof ApplicationFailure)
    return made.has(error)
      ? error
      : toApplicationFailure(safeFailure(error.type, error.details?.[0]), pacing);
  if (error instanceof OrderSystemError)
    return toApplicationFailure(safeFailure(error.code, error.fields), pacing);
  return toApplicationFailure(safeFailure('FAILED'), pacing);
}

/** Thrown by what was given the activity's cancellation signal; the SDK reports a cancellation then. */
const isAbort = (error: unknown): error is Error =>
  error instanceof Error &&
  error.name === 'AbortError' &&
  asyncLocalStorage.getStore()?.cancellationSignal.aborted === true;

type AsyncMethods = Record<string, (...args: never[]) => Promise<unknown>>;

/**
 * The same activities, with every error that leaves them mapped by `toFailure`. What it said is logged: the SDK adds
 * the step, the attempt and the workflow to the entry, and the worker the order and the trace.
 * @param pacingOf how the nth attempt's failure is paced; as the retry policy says when it is left out
 */
export function withFailures<T extends object>(
  activities: T & AsyncMethods,
  pacingOf?: (attempt: number) => Pacing,
): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...args: never[]): Promise<unknown> => {
      try {
        return await activity(...args);
      } catch (error) {
        const failure = toFailure(error, pacingOf?.(asyncLocalStorage.getStore()?.info.attempt ?? 1));
        if (failure !== error) logCause(name, error, failure);
        throw failure;
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}

/** The same for what sagas call: in a long outage the attempts become rare. */
export const withStepFailures = <T extends object>(activities: T & AsyncMethods): T =>
  withFailures(activities, (attempt) => {
    const retryAfterMs = patientPauseAfter(attempt);
    return retryAfterMs === undefined ? {} : { retryAfterMs };
  });

function logCause(step: string, error: unknown, failure: Error): void {
  if (!(failure instanceof ApplicationFailure)) return;
  const level = failure.category === ApplicationFailureCategory.BENIGN ? 'debug' : 'warn';
  // Tests call activities without a worker.
  asyncLocalStorage.getStore()?.log[level]('a step failed', { step, code: failure.type, error });
}

/** Logs what an activity does not tell Temporal, with the activity's attributes. */
export function logTechnical(message: string, error: unknown): void {
  asyncLocalStorage.getStore()?.log.warn(message, { error });
}
