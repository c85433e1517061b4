import { isPastOrderSaga, type OrderStatus } from '../../domain/order.ts';
import { orderWorkflowId, shipmentWorkflowId, workflowPath } from '../../domain/topology.ts';
import type { OrderSummary } from '../../projections/order-summary.ts';

/** Base address of the Temporal Web UI and the namespace of the sagas. */
export interface TemporalUi {
  readonly url: string;
  readonly namespace: string;
}

/** A completed order has a second workflow. */
const hasShipment = (status: OrderStatus): boolean => isPastOrderSaga(status) && status !== 'CANCELLED';

/** An order in a list: without its timeline. Amounts are in minor units of `currency`. */
export function toOrderListItem(
  { timeline: _timeline, totalMinor, lines, cancelReason, cancelDetail, ...summary }: OrderSummary,
  ui: TemporalUi,
): object {
  const { carrier, trackingNumber, ...rest } = summary;
  const linkTo = (workflowId: string): string =>
    ui.url.replace(/\/$/, '') + workflowPath(ui.namespace, workflowId);
  return {
    ...rest,
    ...(carrier === null ? {} : { carrier, trackingNumber }),
    total: totalMinor,
    lines: lines.map(({ unitPriceMinor, ...line }) => ({ ...line, price: unitPriceMinor })),
    ...(cancelReason === null ? {} : { cancelReason, cancelDetail }),
    links: {
      self: `/orders/${rest.orderId}`,
      workflow: linkTo(orderWorkflowId(rest.orderId)),
      ...(hasShipment(rest.status) ? { shipmentWorkflow: linkTo(shipmentWorkflowId(rest.orderId)) } : {}),
    },
  };
}

/** An order as `GET /orders/:id` shows it. */
export const toOrderView = (summary: OrderSummary, ui: TemporalUi): object => ({
  ...toOrderListItem(summary, ui),
  timeline: summary.timeline,
});
