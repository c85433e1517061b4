import type { Knex } from '../../db/connection.ts';
import { OUTBOX_SCHEMA } from '../../db/migrations/0002-outbox.ts';
import { openOrders, type OpenOrder } from '../../db/open-orders.ts';
import { findOrder } from '../../db/order-repository.ts';
import { outboxStatus } from '../../db/outbox/status.ts';
import { OrderSystemError } from '../../domain/errors.ts';
import { hasEnded, type Order } from '../../domain/order.ts';
import type { SagaKind } from '../../domain/order.ts';
import { sagaKindAt, sagaWorkflowId } from '../../domain/saga-start.ts';
import type { LostSagaReason } from '../../domain/saga-watch.ts';
import type { Clock } from '../../platform/clock.ts';
import { forEachOf, paced } from '../../platform/pace.ts';
import { MOST_LISTED, type SagaRuns } from './saga-runs.ts';

/** An order that has not ended and whose saga does not run. */
export interface Orphan {
  readonly order: Order;
  readonly saga: SagaKind;
  readonly workflowId: string;
  readonly reason: LostSagaReason;
}

export interface OrphanPage {
  /** Open orders that were examined. */
  readonly examined: number;
  readonly orphans: readonly Orphan[];
  /** Where a search that was interrupted resumes. */
  readonly last: string;
}

export interface SearchDeps {
  /** Database of the write side. */
  readonly db: Knex;
  readonly sagas: Pick<SagaRuns, 'listRunning' | 'stateOf'>;
  readonly clock: Clock;
  /** An order that changed within this time is left alone: its saga may be about to start, in ms. */
  readonly orphanAfterMs: number;
  readonly signal?: AbortSignal | undefined;
}

const PAGE_SIZE = MOST_LISTED;
/** Temporal allows a namespace 10 listings a second by default, which people's own queries share. */
const LISTINGS_PER_SECOND = 5;
const QUERIES_AT_A_TIME = 16;
const QUERIES_PER_SECOND = 400;

/**
 * Finds open orders without a running saga. One page is in memory at a time.
 * @param after where an earlier search was interrupted; null to begin
 */
export async function* findOrphans(
  deps: SearchDeps,
  after: string | null = null,
): AsyncGenerator<OrphanPage> {
  const { db, sagas, signal } = deps;
  const changedBefore = await latestChange(deps);
  const nextListing = paced(LISTINGS_PER_SECOND, signal);
  const nextQuery = paced(QUERIES_PER_SECOND, signal);
  for (let last = after; ;) {
    signal?.throwIfAborted();
    const page = await openOrders(db, { after: last, changedBefore, limit: PAGE_SIZE });
    last = page.at(-1)?.id ?? null;
    if (last === null) return;
    await nextListing();
    const running = await sagas.listRunning(page.map(workflowIdOf));
    const orphans: Orphan[] = [];
    const candidates = page.filter((order) => !running.has(workflowIdOf(order)));
    await forEachOf(candidates, QUERIES_AT_A_TIME, async (candidate) => {
      await nextQuery();
      const orphan = await confirm(deps, candidate);
      if (orphan) orphans.push(orphan);
    });
    yield { examined: page.length, orphans, last };
    if (page.length < PAGE_SIZE) return;
  }
}

/** @returns undefined when the order has its saga, or has moved on since it was read */
async function confirm(
  { db, sagas }: Pick<SearchDeps, 'db' | 'sagas'>,
  candidate: OpenOrder,
): Promise<Orphan | undefined> {
  const reason = await sagas.stateOf(workflowIdOf(candidate));
  if (reason === 'RUNNING') return undefined;
  // A saga closes after it has brought its order on, so an order that is read later and is still open was left behind.
  const order = await orderIfAny(db, candidate.id);
  if (order?.version !== candidate.version) return undefined;
  return toOrphan(order, reason);
}

/** What is known of one order. A string says why its saga is not to be started. */
export async function examineOrder(
  { db, sagas }: Pick<SearchDeps, 'db' | 'sagas'>,
  orderId: string,
): Promise<Orphan | 'NO SUCH ORDER' | 'ENDED' | 'RUNNING'> {
  const before = await orderIfAny(db, orderId);
  if (!before) return 'NO SUCH ORDER';
  if (hasEnded(before.status)) return 'ENDED';
  const reason = await sagas.stateOf(workflowIdOf(before));
  if (reason === 'RUNNING') return 'RUNNING';
  const order = await orderIfAny(db, orderId);
  if (!order) return 'NO SUCH ORDER';
  if (hasEnded(order.status)) return 'ENDED';
  // It has passed on to its next saga, which is about to start.
  if (order.version !== before.version) return 'RUNNING';
  return toOrphan(order, reason);
}

function toOrphan(order: Order, reason: LostSagaReason): Orphan {
  return { order, saga: sagaKindAt(order.status), workflowId: workflowIdOf(order), reason };
}

const workflowIdOf = ({ id, status }: Pick<Order, 'id' | 'status'>): string =>
  sagaWorkflowId(sagaKindAt(status), id);

/** While the relay is behind, events that start sagas are still to come: what changed since then is left to them. */
async function latestChange({ db, clock, orphanAfterMs }: SearchDeps): Promise<Date> {
  const { shards } = await outboxStatus(db, { schema: OUTBOX_SCHEMA });
  const behindMs = 1_000 * Math.max(0, ...shards.map(({ ageSeconds }) => ageSeconds));
  return new Date(clock.now().getTime() - behindMs - orphanAfterMs);
}

async function orderIfAny(db: Knex, id: string): Promise<Order | undefined> {
  try {
    return await findOrder(db, id);
  } catch (error) {
    if (error instanceof OrderSystemError && error.code === 'ORDER_NOT_FOUND') return undefined;
    throw error;
  }
}
