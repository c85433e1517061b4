import type { Knex } from '../db/connection.ts';
import type { DomainEvent, OrderEvent } from '../domain/events.ts';
import { applyOrderEvent, type OrderSummary } from './order-summary.ts';
import { applyProductEvent, type ProductEvent, type ProductView } from './products.ts';
import { findSummaries, saveSummaries } from './order-summary-table.ts';
import { findProductViews, saveProductViews } from './products-table.ts';
import { addToSales } from './sales-table.ts';
import { salesDifference } from './sales.ts';
import { saveStuckSagas } from './stuck-sagas-table.ts';
import { stuckAfter, type OrderStep } from './stuck-sagas.ts';

/** An order's event that came without the one before it, which an operator of the outbox may have discarded. */
export interface Gap {
  readonly event: OrderEvent;
  /** The version that should have been next. */
  readonly expected: number;
}

/**
 * Folds a page of events into the read tables, within the caller's transaction: each table is read once and written
 * once. Events that are in already change nothing; those of an order whose beginning is missing are left out.
 * @returns what came without the event before it
 */
export async function applyPage(trx: Knex.Transaction, events: readonly DomainEvent[]): Promise<Gap[]> {
  const gaps = await applyOrders(trx, events.filter(isOrderEvent));
  await applyProducts(trx, events.filter(isProductEvent));
  return gaps;
}

async function applyOrders(trx: Knex.Transaction, events: readonly OrderEvent[]): Promise<Gap[]> {
  const before = await findSummaries(trx, idsOf(events));
  const after = new Map<string, OrderSummary>(before);
  const steps: OrderStep[] = [];
  const gaps: Gap[] = [];
  for (const event of events) {
    const was = after.get(event.aggregateId);
    const expected = (was?.version ?? 0) + 1;
    if (event.aggregateVersion > expected) gaps.push({ event, expected });
    // Nothing else tells whose order it is, and what is in it.
    if (!was && event.type !== 'OrderCreated') continue;
    const is = applyOrderEvent(was, event);
    if (is === was) continue;
    after.set(event.aggregateId, is);
    steps.push({ event, before: was, after: is });
  }
  const changes = [...after.values()]
    .map((summary) => ({ before: before.get(summary.orderId), after: summary }))
    .filter((change) => change.before !== change.after);
  await saveSummaries(
    trx,
    changes.map((change) => change.after),
  );
  await addToSales(trx, salesDifference(changes));
  await saveStuckSagas(trx, stuckAfter(steps));
  return gaps;
}

async function applyProducts(trx: Knex.Transaction, events: readonly ProductEvent[]): Promise<void> {
  const before = await findProductViews(trx, idsOf(events));
  const after = new Map<string, ProductView>(before);
  for (const event of events) {
    after.set(event.aggregateId, applyProductEvent(after.get(event.aggregateId), event));
  }
  await saveProductViews(
    trx,
    [...after.values()].filter((view) => before.get(view.sku) !== view),
  );
}

const idsOf = (events: readonly DomainEvent[]): string[] => [
  ...new Set(events.map(({ aggregateId }) => aggregateId)),
];

const isOrderEvent = (event: DomainEvent): event is OrderEvent => event.aggregateType === 'order';
const isProductEvent = (event: DomainEvent): event is ProductEvent => event.aggregateType !== 'order';
