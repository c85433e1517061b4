import type { Knex } from '../../db/connection.ts';
import { ordersInProgress, unchangedOrders, type OrderInProgress } from '../../db/open-orders.ts';
import { orderStatuses } from '../../domain/order.ts';
import type { FailingSaga, SagaHealth, SlowSaga } from '../../domain/saga-health.ts';
import type { SagaDeadlines } from '../../domain/saga-settings.ts';
import { sagaOf, sagaWorkflowId } from '../../domain/saga-start.ts';
import { ENDING, leastExpectedMs, stepAt, USUAL_MS } from '../../domain/slow-sagas.ts';
import type { Clock } from '../../platform/clock.ts';
import { forEachOf, paced } from '../../platform/pace.ts';
import type { RunningSaga, SagaTasks } from './saga-tasks.ts';

export interface ExamineDeps {
  /** Database of the write side. */
  readonly db: Knex;
  readonly tasks: SagaTasks;
  readonly clock: Clock;
  /** With which sagas are started now; those that run may have begun with others. */
  readonly deadlines: SagaDeadlines;
  readonly signal?: AbortSignal | undefined;
}

/** What is listed of each kind. An examination of so many takes half a minute. */
export const MOST_LISTED = 5_000;
const PAGE_SIZE = 1_000;
const INSPECTED_AT_A_TIME = 16;
const INSPECTIONS_PER_SECOND = 400;

/**
 * Finds sagas whose workflow task fails again and again, and sagas that are older than their step expects. A saga that is
 * stuck or fails is not slow as well.
 * @param suspects workflow ids of sagas that failed at the last examination, or whose failures a worker has seen
 */
export async function examineSagas(deps: ExamineDeps, suspects: readonly string[]): Promise<SagaHealth> {
  const reported = await deps.tasks.reportedFailing(MOST_LISTED);
  const failing = await findFailing(deps, [...reported, ...suspects]);
  const { slow, alsoFailing } = await findSlow(deps, new Set(failing.map(({ workflowId }) => workflowId)));
  return { failing: [...failing, ...alsoFailing], slow };
}

/** Of these workflows, those that are sagas whose workflow task fails. */
export async function findFailing(deps: ExamineDeps, suspects: readonly string[]): Promise<FailingSaga[]> {
  const sagas = [...new Set(suspects)].slice(0, MOST_LISTED).flatMap((workflowId) => {
    const saga = sagaOf(workflowId);
    return saga ? [{ workflowId, ...saga }] : [];
  });
  const failing: Omit<FailingSaga, 'step'>[] = [];
  await inspectEach(deps, sagas, (saga, { failure }) => {
    if (failure) failing.push({ ...saga, ...failure });
  });
  const orders = await ordersInProgress(
    deps.db,
    failing.map(({ orderId }) => orderId),
  );
  return failing.map((saga) => {
    const order = orders.get(saga.orderId);
    const at = order && stepAt(order, deps.deadlines);
    // Past the end of its part in the order, a saga has nothing to do but to end.
    return { ...saga, step: at?.saga === saga.saga ? at.step : ENDING };
  });
}

async function findSlow(
  deps: ExamineDeps,
  known: ReadonlySet<string>,
): Promise<{ slow: SlowSaga[]; alsoFailing: FailingSaga[] }> {
  const now = deps.clock.now().getTime();
  const late = new Map<string, SlowSaga>();
  for await (const saga of lateSagas(deps, now))
    if (!known.has(saga.workflowId) && late.size < MOST_LISTED) late.set(saga.workflowId, saga);
  const slow: SlowSaga[] = [];
  const alsoFailing: FailingSaga[] = [];
  await inspectEach(deps, [...late.values()], ({ expectedMs, ...saga }, { failure, startedAt }) => {
    // The deadlines of a saga that was started again begin anew.
    const since = new Date(Math.max(saga.since.getTime(), startedAt.getTime()));
    if (failure) alsoFailing.push({ ...saga, ...failure });
    else if (now - since.getTime() > expectedMs) slow.push({ ...saga, since, expectedMs });
  });
  return { slow, alsoFailing };
}

/** Sagas of orders that have been where they are for longer than the step expects. */
async function* lateSagas({ db, deadlines, signal }: ExamineDeps, now: number): AsyncGenerator<SlowSaga> {
  const before = (ms: number): Date => new Date(now - ms);
  const changedBeforeAt = Object.fromEntries(
    orderStatuses.map((status) => [status, before(leastExpectedMs(status, deadlines))]),
  );
  for (let after: string | null = null; ;) {
    signal?.throwIfAborted();
    const options = { after, changedBeforeAt, changedBefore: before(USUAL_MS), limit: PAGE_SIZE };
    const page: readonly OrderInProgress[] = await unchangedOrders(db, options);
    for (const { id, since, ...order } of page) {
      const at = stepAt(order, deadlines);
      if (at && now - since.getTime() > at.expectedMs)
        yield { ...at, workflowId: sagaWorkflowId(at.saga, id), orderId: id, since };
    }
    after = page.at(-1)?.id ?? null;
    if (page.length < PAGE_SIZE) return;
  }
}

async function inspectEach<T extends { readonly workflowId: string }>(
  { tasks, signal }: ExamineDeps,
  sagas: readonly T[],
  onRunning: (saga: T, running: RunningSaga) => void,
): Promise<void> {
  const nextInspection = paced(INSPECTIONS_PER_SECOND, signal);
  await forEachOf(sagas, INSPECTED_AT_A_TIME, async (saga) => {
    await nextInspection();
    const running = await tasks.inspect(saga.workflowId);
    if (running) onRunning(saga, running);
  });
}
