import type { OrderRepository } from '../../db/order-repository.ts';
import type { SagaOrder } from '../../domain/order-saga.ts';
import type { ShippingActivities } from '../../domain/shipment-saga.ts';
import { shipmentWorkflowId } from '../../domain/topology.ts';
import { withStepFailures } from '../failures.ts';
import type { Carrier, Parcel } from './carrier.ts';

interface Deps {
  readonly carrier: Carrier;
  readonly orders: OrderRepository;
}

/** Each calls the carrier first, then writes the order row and its event; both halves may be repeated. */
export const createShippingActivities = ({ carrier, orders }: Deps): ShippingActivities => {
  const recordIfBooked = async ({ id, provenance }: SagaOrder, parcel: Parcel): Promise<void> => {
    if (parcel.trackingNumber === undefined || !isOnItsWay(parcel)) return;
    const { trackingNumber } = parcel;
    await orders.change(id, { type: 'RecordBooking', carrier: carrier.name, trackingNumber }, provenance);
  };

  return withStepFailures<ShippingActivities>({
    bookCarrier: async (order) => {
      const parcel = await carrier.book(bookingKey(order));
      await recordIfBooked(order, parcel);
      return parcel.status;
    },
    locateParcel: async (order) => {
      const parcel = await carrier.locate(bookingKey(order));
      await recordIfBooked(order, parcel);
      return parcel.status;
    },
    cancelBooking: async (order) => {
      const parcel = await carrier.cancel(bookingKey(order));
      await recordIfBooked(order, parcel);
      return !isOnItsWay(parcel);
    },
  });
};

/** One booking per order; it is also the id of the workflow that the carrier's notices are for. */
const bookingKey = ({ id }: SagaOrder): string => shipmentWorkflowId(id);

const BOOKING_KEY = /^shipment-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** @returns undefined for a key that `bookingKey` did not make: another application's parcel */
export const orderOfBooking = (key: string): string | undefined => BOOKING_KEY.exec(key)?.[1];

/** Booked and not taken back: it will leave, or it has left. */
function isOnItsWay({ status }: Parcel): boolean {
  switch (status) {
    case 'BOOKED':
    case 'DISPATCHED':
    case 'DELIVERED':
    case 'LOST':
      return true;
    case 'NOT_FOUND':
    case 'REFUSED':
    case 'CANCELLED':
      return false;
  }
}
