import { ApplicationFailure } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { isBusinessRefusal, isOutcomeUnknown, OrderSystemError } from '../domain/errors.ts';

/**
 * The one mapping from our errors to Temporal's: the code becomes the failure's type, and a business refusal
 * is not retried and, being an answer and no fault, is not logged as one. Whatever has no code stays as it is, which
 * Temporal retries.
 */
export function toFailure(error: unknown): unknown {
  if (!(error instanceof OrderSystemError)) return error;
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: isBusinessRefusal(error.code) || isOutcomeUnknown(error.code),
    ...(isBusinessRefusal(error.code) ? { category: ApplicationFailureCategory.BENIGN } : {}),
    cause: error,
  });
}

type AsyncMethods = Record<string, (...args: never[]) => Promise<unknown>>;

/** The same activities, with every error that leaves them mapped by `toFailure`. */
export function withFailures<T extends object>(activities: T & AsyncMethods): T {
  const wrapped = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...args: never[]): Promise<unknown> => {
      try {
        return await activity(...args);
      } catch (error) {
        throw toFailure(error);
      }
    },
  ]);
  return Object.fromEntries(wrapped) as T;
}
