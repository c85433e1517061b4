import { z } from 'zod';
import { orderEventTypes } from '../../domain/events.ts';
import { customerIdSchema, orderIdSchema, skuSchema } from '../../domain/ids.ts';
import { currencySchema, minorUnitsSchema } from '../../domain/money.ts';
import {
  approvalFacets,
  inventoryFacets,
  isPastOrderSaga,
  orderStatuses,
  paymentFacets,
  shipmentFacets,
  type OrderStatus,
} from '../../domain/order.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../domain/topology.ts';
import { missingEvents, type OrderSummary } from '../../projections/order-summary.ts';
import type { HeldUp, ShownOrder } from '../../projections/queries/orders.ts';
import { linkToWorkflow, type TemporalUi } from './temporal-ui.ts';

export const missingEventsSchema = z
  .array(z.int().positive())
  .optional()
  .describe('Versions of events that never came; what they changed may be missing here. The first 100');
export const missingEventCountSchema = z
  .int()
  .positive()
  .optional()
  .describe('How many events never came, where `missingEvents` does not name all of them');

export const waiverSchema = z
  .object({ requestedBy: z.string(), reason: z.string(), at: z.iso.datetime() })
  .optional()
  .describe('Asked for by one operator: it waits for another one');

export const heldUpSchema = z.object({
  since: z.iso.datetime(),
  events: z.int().positive().describe('That are not in this answer'),
  cause: z.string().optional().describe('For operators'),
});

export const orderListItemSchema = z
  .object({
    orderId: orderIdSchema,
    customerId: customerIdSchema,
    status: z.enum(orderStatuses),
    inventory: z.enum(inventoryFacets),
    payment: z.enum(paymentFacets),
    shipment: z.enum(shipmentFacets),
    approval: z.enum(approvalFacets),
    stuck: z.string().optional().describe('Why its saga waits for an operator'),
    waiver: waiverSchema,
    carrier: z.string().optional(),
    trackingNumber: z.string().nullable().optional(),
    version: z.int().positive().describe('Of the last event in it'),
    missingEvents: missingEventsSchema,
    missingEventCount: missingEventCountSchema,
    heldUp: heldUpSchema
      .optional()
      .describe(
        'An event could not be applied: this is the order as it was before, until an operator has decided',
      ),
    currency: currencySchema,
    total: minorUnitsSchema.describe('In minor units of `currency`'),
    lines: z.array(
      z.object({
        sku: skuSchema,
        quantity: z.int().positive(),
        price: minorUnitsSchema.describe('Of one piece, in minor units of `currency`'),
      }),
    ),
    cancelReason: z.string().optional().describe('Why it was cancelled or refunded'),
    cancelDetail: z.string().nullable().optional(),
    placedAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
    links: z.object({
      self: z.string(),
      workflow: z.url().describe('In the Temporal Web UI'),
      shipmentWorkflow: z.url().optional(),
    }),
  })
  .meta({ id: 'OrderListItem' });
type OrderListItem = z.output<typeof orderListItemSchema>;

export const orderViewSchema = orderListItemSchema
  .extend({
    timeline: z.array(
      z.object({
        version: z.int().positive(),
        event: z.enum(orderEventTypes),
        at: z.iso.datetime(),
        status: z.enum(orderStatuses).optional().describe('From then on, where the event changed it'),
        detail: z.string().optional().describe('For people'),
      }),
    ),
  })
  .meta({ id: 'Order' });
type OrderView = z.output<typeof orderViewSchema>;

/** A completed order has a second workflow. */
const hasShipment = (status: OrderStatus): boolean => isPastOrderSaga(status) && status !== 'CANCELLED';

/** Versions of events that never came; nothing when the order is complete. */
export function incompletenessOf(order: OrderSummary): {
  missingEvents?: number[];
  missingEventCount?: number;
} {
  const { versions, count } = missingEvents(order);
  return {
    ...(count > 0 ? { missingEvents: [...versions] } : {}),
    ...(count > versions.length ? { missingEventCount: count } : {}),
  };
}

/** Why it is held up is for those who can do something about it. */
export const toHeldUpView = (
  { cause, ...heldUp }: HeldUp,
  isForOperators: boolean,
): NonNullable<OrderListItem['heldUp']> => ({
  ...heldUp,
  ...(isForOperators && cause !== null ? { cause } : {}),
});

/** An order in a list: without its timeline. Amounts are in minor units of `currency`. */
export function toOrderListItem(order: ShownOrder, ui: TemporalUi, isForOperators: boolean): OrderListItem {
  const { timeline: _timeline, totalMinor, lines, cancelReason, cancelDetail, heldUp, ...summary } = order;
  const { carrier, trackingNumber, stuckCause, stuckSince: _since, stuck: _stuck, waiver, ...rest } = summary;
  return {
    ...rest,
    ...incompletenessOf(order),
    ...(heldUp === null ? {} : { heldUp: toHeldUpView(heldUp, isForOperators) }),
    ...(stuckCause === null ? {} : { stuck: stuckCause }),
    ...(waiver === null ? {} : { waiver }),
    ...(carrier === null ? {} : { carrier, trackingNumber }),
    total: totalMinor,
    lines: lines.map(({ unitPriceMinor, ...line }) => ({ ...line, price: unitPriceMinor })),
    ...(cancelReason === null ? {} : { cancelReason, cancelDetail }),
    links: {
      self: `/orders/${rest.orderId}`,
      workflow: linkToWorkflow(ui, orderWorkflowId(rest.orderId)),
      ...(hasShipment(rest.status)
        ? { shipmentWorkflow: linkToWorkflow(ui, shipmentWorkflowId(rest.orderId)) }
        : {}),
    },
  };
}

/** An order as `GET /orders/:id` shows it. */
export const toOrderView = (summary: ShownOrder, ui: TemporalUi, isForOperators: boolean): OrderView => ({
  ...toOrderListItem(summary, ui, isForOperators),
  timeline: [...summary.timeline],
});
