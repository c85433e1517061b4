import type { ChangedOrder, OrderRepository } from '../../db/order-repository.ts';
import type { OrderActivities } from '../../domain/order-saga.ts';
import { hasEnded } from '../../domain/order.ts';
import { withStepFailures } from '../failures.ts';

interface Deps {
  readonly orders: OrderRepository;
  /** Told once when a saga brought its order to an end, after the commit. */
  readonly onEnded: (ended: ChangedOrder) => void;
}

export const createOrderActivities = ({ orders, onEnded }: Deps): OrderActivities => {
  const tellIfNew = (changed: ChangedOrder): void => {
    if (changed.events.length > 0) onEnded(changed);
  };
  return withStepFailures<OrderActivities>({
    orderStatus: async ({ id }) => {
      const { status, approval, undo } = await orders.positionOf(id);
      return { status, approval, undo };
    },
    beginUndo: ({ id }, saga, why) => orders.beginUndo(id, saga, why),
    requestApproval: async ({ id, provenance }, limitMinor) => {
      await orders.change(id, { type: 'RequestApproval', limitMinor }, provenance);
    },
    recordApproval: async ({ id, provenance }, decision) => {
      await orders.change(id, { type: 'DecideApproval', ...decision }, provenance);
    },
    completeOrder: async ({ id, provenance }) => {
      tellIfNew(await orders.change(id, { type: 'CompleteOrder' }, provenance));
    },
    cancelOrder: async ({ id, provenance }, reason, detail) => {
      tellIfNew(await orders.change(id, { type: 'CancelOrder', reason, detail }, provenance));
    },
    deliverOrder: async ({ id, provenance }) => {
      tellIfNew(await orders.change(id, { type: 'RecordDelivery' }, provenance));
    },
    failShipment: async ({ id, provenance }, reason, detail) => {
      await orders.change(id, { type: 'RecordShipmentFailure', reason, detail }, provenance);
    },
    refundOrder: async ({ id, provenance }, reason, detail) => {
      tellIfNew(await orders.change(id, { type: 'RefundOrder', reason, detail }, provenance));
    },
    recordStuck: async ({ id, provenance }, stuck) => {
      const { order } = await orders.change(id, { type: 'RecordStuck', ...stuck }, provenance);
      const { stuckOccurrence: occurrence, waiver } = order;
      return hasEnded(order.status) ? null : { occurrence, waiver };
    },
    requestWaiver: async ({ id, provenance }, stuck, request) => {
      await orders.change(id, { type: 'RequestWaiver', ...stuck, ...request }, provenance);
    },
    recordResolution: async ({ id, provenance }, stuck, resolution) => {
      await orders.change(id, { type: 'ResolveStuck', ...stuck, ...resolution }, provenance);
    },
  });
};
