import {
  ActivityCancellationType,
  ActivityFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  sleep,
} from '@temporalio/workflow';
import { finalCodes, LONGEST_PAUSE_MS } from '../domain/call-retries.ts';
import { isStateConflict } from '../domain/errors.ts';
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

/** Told of every activity that a call runs. The attempts of one that the server repeats are known to the server alone. */
export interface CallObserver {
  began(call: CallName): void;
  /** @param attempts how many it took: all that it had, or at least one */
  failed(call: CallName, failure: Failure, attempts: number): void;
}

type Activity = (...args: unknown[]) => Promise<unknown>;

/**
 * The sagas' activities, repeated as `sagaCalls` says: by the server, so that an outage leaves no events in the history.
 * A local step is tried once on the spot, and is a regular activity from then on.
 */
export function createCalls(settings: SagaSettings, observer: CallObserver): Calls {
  const calls = { inventory: {}, payments: {}, orders: {}, shipping: {} } as Record<
    string,
    Record<string, Activity>
  >;
  const positionOf = (order: unknown): Promise<OrderPosition> =>
    (calls as unknown as Calls).orders.orderStatus(order as SagaOrder);
  for (const name of Object.keys(sagaCalls) as CallName[]) {
    const { capability } = sagaCalls[name];
    (calls[capability] ??= {})[name] = repeated(name, waysToRun(name, settings), { observer, positionOf });
  }
  return calls as unknown as Calls;
}

/** An activity with a number of attempts, which is Infinity for most. */
interface Way {
  readonly run: Activity;
  readonly attempts: number;
}

interface Ways {
  readonly local: Way | undefined;
  readonly regular: Way;
  /** Repeats what conflicts with our own books as well, for so many ms at most. */
  readonly untilResolved: (withinMs: number) => Way;
}

function waysToRun(name: CallName, { localSteps, undoAttempts, retryPauseMs }: SagaSettings): Ways {
  const call: Call = sagaCalls[name];
  const options = {
    startToCloseTimeout: call.timeoutMs,
    summary: call.does,
    // Nothing waits for a step that was given up: its compensation fences it out.
    cancellationType: ActivityCancellationType.TRY_CANCEL,
  };
  const isLocal = localSteps.includes(call.capability) && !call.neverLocal;
  const attempts = call.attempts === 'until stuck' ? undoAttempts : Infinity;
  const final = finalCodes(call);
  const regular = (maximumAttempts: number, nonRetryableErrorTypes: string[], withinMs?: number): Way => {
    const retry = {
      initialInterval: retryPauseMs,
      maximumInterval: LONGEST_PAUSE_MS,
      maximumAttempts,
      nonRetryableErrorTypes,
    };
    const limits = withinMs === undefined ? {} : { scheduleToCloseTimeout: withinMs };
    const proxies = proxyActivities<Record<string, Activity>>({ ...options, ...limits, retry });
    return { run: activityIn(proxies, name), attempts: maximumAttempts };
  };
  const local = (): Way => {
    const retry = { maximumAttempts: 1 };
    const proxies = proxyLocalActivities<Record<string, Activity>>({ ...options, retry });
    return { run: activityIn(proxies, name), attempts: 1 };
  };
  return {
    local: isLocal ? local() : undefined,
    regular: regular(isLocal ? attempts - 1 : attempts, [...final]),
    untilResolved: (withinMs) =>
      regular(
        attempts,
        final.filter((code) => !isStateConflict(code)),
        withinMs,
      ),
  };
}

function activityIn(proxies: Record<string, Activity>, name: CallName): Activity {
  const activity = proxies[name];
  if (!activity) throw new Error(`there is no activity ${name}`);
  return activity;
}

interface Surroundings {
  readonly observer: CallObserver;
  readonly positionOf: (order: unknown) => Promise<OrderPosition>;
}

/** How long the server repeats a call that conflicts with our own books before the saga looks at its order again, in ms. */
const FIRST_LOOK_AFTER_MS = 60_000;

const repeated =
  (
    name: CallName,
    { local, regular, untilResolved }: Ways,
    { observer, positionOf }: Surroundings,
  ): Activity =>
  async (...args) => {
    const call: Call = sagaCalls[name];
    const limit = regular.attempts + (local?.attempts ?? 0);
    let way = local ?? regular;
    let used = 0;
    for (let round = 1; ; round++) {
      observer.began(name);
      try {
        return await way.run(...args);
      } catch (error) {
        if (isCancellation(error)) throw error;
        const failure = failureOf(error);
        const attempts = isExhausted(error) ? way.attempts : 1;
        observer.failed(name, failure, attempts);
        used += attempts;
        if (used >= limit || isFinal(call, failure)) throw error;
        if (isStateConflict(failure.reason)) {
          // Another run of this saga may have begun to compensate; then its reason counts, and this run does the same.
          const undo = name === 'orderStatus' ? null : (await positionOf(args[0])).undo;
          if (undo) throw resumedUndo(undo);
          way = untilResolved(FIRST_LOOK_AFTER_MS * 2 ** (round - 1));
        } else {
          // What the server has not repeated, such as arguments that a worker cannot read.
          if (way === regular)
            await sleep(pauseAfter(round), { summary: `${call.does}: pause after a failure` });
          way = regular;
        }
      }
    }
  };

const isFinal = (call: Call, { reason }: Failure): boolean =>
  finalCodes(call).includes(reason) && !(isStateConflict(reason) && call.onConflict === 'wait');

const isExhausted = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.retryState === 'MAXIMUM_ATTEMPTS_REACHED';
