import { formatMoney } from './money.ts';
import type { OrderSagaInput, PlacedOrder, SagaOrder } from './order-saga.ts';
import type { SagaSettings } from './saga-settings.ts';
import type { ShipmentSagaInput } from './shipment-saga.ts';
import { orderWorkflowId, SAGA_TASK_QUEUE, shipmentWorkflowId, workflowPath } from './topology.ts';

/** What a saga is started with, whoever starts it: the starter, or a cancellation that comes first. */
export interface SagaStart<Input> {
  readonly workflowType: 'orderSaga' | 'shipmentSaga';
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly args: [Input];
  /** For the Web UI, in Markdown. No personal data. */
  readonly staticSummary: string;
  readonly staticDetails: string;
}

/** The part of an order that a shipment is described with. */
type Content = Pick<PlacedOrder, 'lines' | 'totalMinor' | 'currency'>;

export const orderSagaStart = (order: PlacedOrder, settings: SagaSettings): SagaStart<OrderSagaInput> => ({
  workflowType: 'orderSaga',
  workflowId: orderWorkflowId(order.id),
  taskQueue: SAGA_TASK_QUEUE,
  args: [{ order, settings }],
  staticSummary: summaryOf(order),
  staticDetails: detailsOf(order),
});

/** @param namespace of the workflows, for the link to the order's */
export function shipmentSagaStart(
  order: SagaOrder,
  content: Content,
  settings: SagaSettings,
  namespace: string,
): SagaStart<ShipmentSagaInput> {
  const orderWorkflow = orderWorkflowId(order.id);
  return {
    workflowType: 'shipmentSaga',
    workflowId: shipmentWorkflowId(order.id),
    taskQueue: SAGA_TASK_QUEUE,
    args: [{ order: { id: order.id, provenance: order.provenance }, settings }],
    staticSummary: `Shipment: ${summaryOf(content)}`,
    staticDetails: `Of [${orderWorkflow}](${workflowPath(namespace, orderWorkflow)})\n${detailsOf(content)}`,
  };
}

const summaryOf = ({ lines, totalMinor, currency }: Content): string =>
  `${lines.length} line(s), ${formatMoney({ amountMinor: totalMinor, currency })}`;
const detailsOf = ({ lines }: Content): string =>
  lines.map(({ sku, quantity }) => `- ${quantity} × \`${sku}\``).join('\n');
