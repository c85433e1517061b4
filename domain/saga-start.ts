import type { Provenance } from './events.ts';
import { linkTo, listOf, md, withList, type Markdown } from './markdown.ts';
import { formatMoney } from './money.ts';
import type { OrderSagaInput, PlacedOrder, SagaOrder } from './order-saga.ts';
import { isPastOrderSaga, type SagaKind, type Order, type OrderStatus } from './order.ts';
import type { SagaSettings } from './saga-settings.ts';
import type { ShipmentSagaInput } from './shipment-saga.ts';
import { orderWorkflowId, SAGA_TASK_QUEUE, shipmentWorkflowId, workflowPath } from './topology.ts';

/** What a saga is started with, whoever starts it: the starter, or a cancellation that comes first. */
export interface SagaStart<Input> {
  readonly workflowType: 'orderSaga' | 'shipmentSaga';
  readonly workflowId: string;
  readonly taskQueue: string;
  readonly args: [Input];
  /** For lists in the Web UI, which show it as it is: without anything that people typed. */
  readonly staticSummary: string;
  /** For the Web UI. No personal data. */
  readonly staticDetails: string;
}

/** The saga that an order which has not ended needs at its status. */
export const sagaKindAt = (status: OrderStatus): SagaKind => (isPastOrderSaga(status) ? 'shipment' : 'order');

export const sagaWorkflowId = (saga: SagaKind, orderId: string): string =>
  saga === 'order' ? orderWorkflowId(orderId) : shipmentWorkflowId(orderId);

/** Reads what `sagaWorkflowId` wrote. @returns undefined for a workflow that is no saga */
export function sagaOf(
  workflowId: string,
): { readonly saga: SagaKind; readonly orderId: string } | undefined {
  const [, saga, orderId] =
    /^(order|shipment)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(workflowId) ?? [];
  return orderId === undefined ? undefined : { saga: saga as SagaKind, orderId };
}

/** Rebuilds from an order's row what the event that should have started the saga would have started it with. */
export function sagaStartOf(
  saga: SagaKind,
  { id, totalMinor, currency, paymentMethod, lines: priced }: Order,
  provenance: Provenance,
  settings: SagaSettings,
  namespace: string,
): SagaStart<unknown> {
  const lines = priced.map(({ sku, quantity }) => ({ sku, quantity }));
  return saga === 'order'
    ? orderSagaStart({ id, lines, totalMinor, currency, paymentMethod, provenance }, settings)
    : shipmentSagaStart({ id, provenance }, { lines, totalMinor, currency }, settings, namespace);
}

/** The part of an order that a shipment is described with. */
type Content = Pick<PlacedOrder, 'lines' | 'totalMinor' | 'currency'>;

export const orderSagaStart = (order: PlacedOrder, settings: SagaSettings): SagaStart<OrderSagaInput> => ({
  workflowType: 'orderSaga',
  workflowId: orderWorkflowId(order.id),
  taskQueue: SAGA_TASK_QUEUE,
  args: [{ order, settings }],
  staticSummary: summaryOf(order),
  staticDetails: listOf(linesOf(order)).toString(),
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
    staticDetails: withList(
      md`Of ${linkTo(orderWorkflow, workflowPath(namespace, orderWorkflow))}`,
      linesOf(content),
    ).toString(),
  };
}

const summaryOf = ({ lines, totalMinor, currency }: Content): string =>
  `${lines.length} line(s), ${formatMoney({ amountMinor: totalMinor, currency })}`;
const linesOf = ({ lines }: Content): Markdown[] =>
  lines.map(({ sku, quantity }) => md`${quantity} × ${sku}`);
