import {
  ActivityCancellationType,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  sleep,
} from '@temporalio/workflow';
import { isBusinessRefusal, isOutcomeUnknown, isStateConflict, isUpdateRefusal } from '../domain/errors.ts';
import type {
  InventoryActivities,
  OrderActivities,
  OrderPosition,
  PaymentActivities,
  SagaOrder,
} from '../domain/order-saga.ts';
import type { SagaSettings } from '../domain/saga-settings.ts';
import { sagaCalls, type Call, type CallName } from '../domain/saga-steps.ts';
import type { ShippingActivities } from '../domain/shipment-saga.ts';
import { pauseAfter } from './backoff.ts';
import { failureOf, resumedUndo, type Failure } from './failures.ts';

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
    const { capability, does, timeoutMs, attempts, neverLocal }: Call = sagaCalls[name];
    const options = {
      startToCloseTimeout: timeoutMs,
      retry: { maximumAttempts: 1 },
      summary: does,
      // Nothing waits for a step that was given up: its compensation fences it out.
      cancellationType: ActivityCancellationType.TRY_CANCEL,
    };
    const proxies =
      localSteps.includes(capability) && !neverLocal
        ? proxyLocalActivities<Record<string, Activity>>(options)
        : proxyActivities<Record<string, Activity>>(options);
    const limit = attempts === 'until stuck' ? undoAttempts : Infinity;
    const activity = proxies[name];
    if (activity)
      (calls[capability] ??= {})[name] = repeated(name, activity, {
        limit,
        firstPauseMs: retryPauseMs,
        observer,
        positionOf: (order) => (calls as unknown as Calls).orders.orderStatus(order as SagaOrder),
      });
  }
  return calls as unknown as Calls;
}

interface Repeating {
  readonly limit: number;
  readonly firstPauseMs: number;
  readonly observer: AttemptObserver;
  readonly positionOf: (order: unknown) => Promise<OrderPosition>;
}

const repeated =
  (name: CallName, activity: Activity, { limit, firstPauseMs, observer, positionOf }: Repeating): Activity =>
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
        // Another run of this saga may have begun to compensate; then its reason counts, and this run does the same.
        if (isStateConflict(failure.reason) && name !== 'orderStatus') {
          const { undo } = await positionOf(args[0]);
          if (undo) throw resumedUndo(undo);
        }
      }
      await sleep(pauseAfter(attempt, firstPauseMs), {
        summary: `${sagaCalls[name].does}: pause after attempt ${attempt}`,
      });
    }
  };

/** A refusal ends the call, and an unknown outcome is asked for; compensations, which may be repeated, go on. */
function isFinal(name: CallName, { reason }: Failure): boolean {
  const { attempts, onConflict } = sagaCalls[name];
  return (
    isBusinessRefusal(reason) ||
    isUpdateRefusal(reason) ||
    (isStateConflict(reason) && onConflict === 'stuck') ||
    (isOutcomeUnknown(reason) && attempts !== 'until stuck')
  );
}
