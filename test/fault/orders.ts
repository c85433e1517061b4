import fc from 'fast-check';
import type { PlaceOrderRequest } from '../../domain/commands.ts';
import { seed } from './seed.ts';

/** An order, and what its customer and an operator will do about it. */
export interface PlannedOrder {
  readonly request: PlaceOrderRequest;
  /** Cancelled so long after it was accepted; null: kept. */
  readonly cancelAfterMs: number | null;
  /** What an operator decides if it needs an approval. */
  readonly decision: 'approve' | 'reject';
}

/** Pieces at the beginning; CUP runs out during a run. */
export const stock = { BEANS: 100_000, TEA: 100_000, CUP: 60 };
/** Of each product, in minor units. */
export const PRICE_MINOR = 1_000;
/** Below the dearest of these orders, so that some of them need an approval. */
export const APPROVAL_LIMIT_MINOR = 5 * PRICE_MINOR;

const cards = ['pm_card_visa', 'pm_card_visa', 'pm_card_visa', 'pm_card_visa', 'pm_card_visa'] as const;

const request: fc.Arbitrary<PlaceOrderRequest> = fc.record({
  customerId: fc.nat(99).map((number) => `customer-${number}`),
  lines: fc.uniqueArray(
    fc.record({
      sku: fc.constantFrom(...Object.keys(stock)),
      quantity: fc.integer({ min: 1, max: 3 }),
    }),
    { selector: ({ sku }) => sku, minLength: 1, maxLength: 2 },
  ),
  paymentMethod: fc.constantFrom(...cards, 'pm_card_declined', 'pm_timeout_before', 'pm_timeout_after'),
});

export const plannedOrder: fc.Arbitrary<PlannedOrder> = fc.record({
  request,
  cancelAfterMs: fc.oneof(
    { weight: 6, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.nat(5_000) },
  ),
  decision: fc.constantFrom('approve', 'approve', 'approve', 'reject'),
});

/** The same order, with a card that the provider answers for. */
export const withAnsweredCard = (order: PlannedOrder): PlannedOrder =>
  order.request.paymentMethod === 'pm_timeout_before'
    ? { ...order, request: { ...order.request, paymentMethod: 'pm_timeout_after' } }
    : order;

const ORDERS = 1_000;

/** Orders in a sequence that the seed decides; the provider answers for all cards, so that each of them ends soon. */
export const plannedOrders = (): readonly PlannedOrder[] =>
  fc.sample(plannedOrder.map(withAnsweredCard), { seed, numRuns: ORDERS });

export const needsApproval = ({ lines }: PlaceOrderRequest): boolean =>
  lines.reduce((total, { quantity }) => total + quantity * PRICE_MINOR, 0) > APPROVAL_LIMIT_MINOR;
