import { isPastOrderSaga, type OrderStatus } from '../../domain/order.ts';
import { orderWorkflowId, shipmentWorkflowId } from '../../domain/topology.ts';
import { missingEvents, type OrderSummary } from '../../projections/order-summary.ts';
import { linkToWorkflow, type TemporalUi } from './temporal-ui.ts';

/** A completed order has a second workflow. */
const hasShipment = (status: OrderStatus): boolean => isPastOrderSaga(status) && status !== 'CANCELLED';

/** Versions of events that never came; nothing when the order is complete. */
export function incompletenessOf(order: OrderSummary): { missingEvents?: readonly number[] } {
  const missing = missingEvents(order);
  return missing.length > 0 ? { missingEvents: missing } : {};
}

/** An order in a list: without its timeline. Amounts are in minor units of `currency`. */
export function toOrderListItem(order: OrderSummary, ui: TemporalUi): object {
  const { timeline: _timeline, totalMinor, lines, cancelReason, cancelDetail, ...summary } = order;
  const { carrier, trackingNumber, stuckCause, waiver, ...rest } = summary;
  return {
    ...rest,
    ...incompletenessOf(order),
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
export const toOrderView = (summary: OrderSummary, ui: TemporalUi): object => ({
  ...toOrderListItem(summary, ui),
  timeline: summary.timeline,
});
