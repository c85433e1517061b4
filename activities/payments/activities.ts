import type { OrderRepository } from '../../db/order-repository.ts';
import type { PaymentActivities, PlacedOrder, SagaOrder } from '../../domain/order-saga.ts';
import { withStepFailures } from '../failures.ts';
import { isSettledByOperator } from '../../domain/order.ts';
import type { PaymentGateway } from './payment-gateway.ts';

interface Deps {
  readonly gateway: PaymentGateway;
  readonly orders: OrderRepository;
}

/** Each calls the gateway first, then writes the order row and its event; both halves may be repeated. */
export const createPaymentActivities = ({ gateway, orders }: Deps): PaymentActivities => {
  const recordCharge = (order: PlacedOrder, providerReference: string): Promise<unknown> =>
    orders.change(
      order.id,
      { type: 'RecordCharge', amountMinor: order.totalMinor, providerReference },
      order.provenance,
    );

  return withStepFailures<PaymentActivities>({
    chargePayment: async (order) => {
      const { providerReference } = await gateway.charge({
        idempotencyKey: chargeKey(order),
        amount: { amountMinor: order.totalMinor, currency: order.currency },
        paymentMethod: order.paymentMethod,
      });
      await recordCharge(order, providerReference);
    },
    resolveCharge: async (order) => {
      const { status, providerReference } = await gateway.find(chargeKey(order));
      if (status === 'CHARGED') await recordCharge(order, providerReference ?? '');
      return status;
    },
    refundPayment: async (order) => {
      // An operator has settled it outside the system; a refund would pay the customer a second time.
      if (isSettledByOperator((await orders.positionOf(order.id)).payment)) return;
      const acted = await gateway.refund(chargeKey(order));
      await orders.change(order.id, { type: 'RecordRefund', acted }, order.provenance);
    },
  });
};

/** One charge per order, whoever asks and however often. */
const chargeKey = ({ id }: Pick<SagaOrder, 'id'>): string => `order-${id}`;

const CHARGE_KEY = /^order-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** @returns undefined for a key that `chargeKey` did not make: another application's charge */
export const orderOfCharge = (key: string): string | undefined => CHARGE_KEY.exec(key)?.[1];
