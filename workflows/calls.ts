import {
  ActivityCancellationType,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  sleep,
} from '@temporalio/workflow';
import { isBusinessRefusal, isOutcomeUnknown } from '../domain/errors.ts';
import type { InventoryActivities, OrderActivities, PaymentActivities } from '../domain/order-saga.ts';
import type { SagaSettings } from '../domain/saga-settings.ts';
import { sagaCalls, type CallName } from '../domain/saga-steps.ts';
import type { ShippingActivities } from '../domain/shipment-saga.ts';
import { failureOf, type Failure } from './failures.ts';

/** What sagas call, by capability. */
export interface Calls {
  readonly inventory: InventoryActivities;
  readonly payments: PaymentActivities;
  readonly orders: OrderActivities;
  readonly shipping: ShippingActivities;
}

/** Told of every attempt of every call. */
export interface AttemptObserver {
  began(call: CallName): void;
  failed(call: CallName, failure: Failure): void;
}

type Activity = (...args: unknown[]) => Promise<unknown>;

/**
 * The sagas' activities: local or regular as the settings say, repeated as `sagaCalls` says. Repeating is done here and
 * not by the server, so that progress knows every attempt and its error; what went well costs nothing more by that.
 */
export function createCalls(
  { localSteps, undoAttempts, retryPauseMs }: SagaSettings,
  observer: AttemptObserver,
): Calls {
  const calls = { inventory: {}, payments: {}, orders: {}, shipping: {} } as Record<
    string,
    Record<string, Activity>
  >;
  for (const name of Object.keys(sagaCalls) as CallName[]) {
    const { capability, does, timeoutMs, attempts } = sagaCalls[name];
    const options = {
      startToCloseTimeout: timeoutMs,
      retry: { maximumAttempts: 1 },
      summary: does,
      // Nothing waits for a step that was given up: its compensation fences it out.
      cancellationType: ActivityCancellationType.TRY_CANCEL,
    };
    const proxies = (localSteps as readonly string[]).includes(capability)
      ? proxyLocalActivities<Record<string, Activity>>(options)
      : proxyActivities<Record<string, Activity>>(options);
    const limits = { 'until done': Infinity, 'until stuck': undoAttempts };
    const limit = typeof attempts === 'number' ? attempts : limits[attempts];
    const activity = proxies[name];
    if (activity) (calls[capability] ??= {})[name] = repeated(name, activity, limit, retryPauseMs, observer);
  }
  return calls as unknown as Calls;
}

const repeated =
  (
    name: CallName,
    activity: Activity,
    limit: number,
    firstPauseMs: number,
    observer: AttemptObserver,
  ): Activity =>
  async (...args) => {
    for (let attempt = 1; ; attempt++) {
      observer.began(name);
      try {
        return await activity(...args);
      } catch (error) {
        if (isCancellation(error)) throw error;
        const failure = failureOf(error);
        observer.failed(name, failure);
        if (attempt >= limit || isFinal(name, failure)) throw error;
      }
      await sleep(pauseAfter(attempt, firstPauseMs));
    }
  };

/** A "no" stays a "no", and what may have happened is asked for; only undoing, which may be repeated, goes on. */
function isFinal(name: CallName, { reason }: Failure): boolean {
  return (
    isBusinessRefusal(reason) || (sagaCalls[name].attempts !== 'until stuck' && isOutcomeUnknown(reason))
  );
}

const LONGEST_PAUSE_MS = 30_000;
/** After so many attempts, some 17 minutes, the pauses grow again: a history must not fill up in a long outage. */
const PATIENT_AFTER = 40;
const PATIENT_PAUSE_MS = 300_000;

/** Doubled after each attempt, in ms. */
const pauseAfter = (attempt: number, firstMs: number): number =>
  attempt > PATIENT_AFTER ? PATIENT_PAUSE_MS : Math.min(firstMs * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
