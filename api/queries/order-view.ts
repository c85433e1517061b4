import { orderWorkflowId } from '../../domain/topology.ts';
import type { OrderSummary } from '../../projections/order-summary.ts';

/** Base address of the Temporal Web UI and the namespace of the sagas. */
export interface TemporalUi {
  readonly url: string;
  readonly namespace: string;
}

/** An order in a list: without its timeline. Amounts are in minor units of `currency`. */
export function toOrderListItem(
  { timeline: _timeline, totalMinor, lines, cancelReason, cancelDetail, ...rest }: OrderSummary,
  ui: TemporalUi,
): object {
  return {
    ...rest,
    total: totalMinor,
    lines: lines.map(({ unitPriceMinor, ...line }) => ({ ...line, price: unitPriceMinor })),
    ...(cancelReason === null ? {} : { cancelReason, cancelDetail }),
    links: {
      self: `/orders/${rest.orderId}`,
      workflow: `${ui.url.replace(/\/$/, '')}/namespaces/${ui.namespace}/workflows/${orderWorkflowId(rest.orderId)}`,
    },
  };
}

/** An order as `GET /orders/:id` shows it. */
export const toOrderView = (summary: OrderSummary, ui: TemporalUi): object => ({
  ...toOrderListItem(summary, ui),
  timeline: summary.timeline,
});
