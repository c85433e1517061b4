import type { Facts, OrderFact } from './facts.ts';

/** What the provider's, the carrier's and the inventory's books say of one order; undefined: nothing. */
interface Books {
  readonly payment: string | undefined;
  readonly charges: readonly number[];
  readonly refunds: readonly number[];
  readonly parcel: string | undefined;
  readonly reservation: string | undefined;
}

const hasLeft = new Set<string | undefined>(['DISPATCHED', 'DELIVERED', 'LOST']);
/** The customer has waited too long for what had left: their money goes back, wherever the parcel is. */
const OVERDUE = 'DELIVERY_OVERDUE';

/** Whether the outside systems and the stock agree with how each order has ended. */
export function disagreements(facts: Facts): string[] {
  const payments = stateByKey(facts.payments);
  const bookings = stateByKey(facts.bookings);
  const reservations = new Map(facts.reservations.map(({ orderId, state }) => [orderId, state]));
  const amounts = { CHARGE: new Map<string, number[]>(), REFUND: new Map<string, number[]>() };
  for (const { key, kind, amount } of facts.ledger)
    amounts[kind].set(key, [...(amounts[kind].get(key) ?? []), amount]);

  const known = new Set(facts.orders.map(({ id }) => id));
  const strangers = [...payments.keys(), ...bookings.keys()].filter(
    (key) => !known.has(key.replace(/^(order|shipment)-/, '')),
  );
  return [
    ...strangers.map((key) => `the books know ${key}, which is no order`),
    ...facts.orders.flatMap((order) => {
      const key = `order-${order.id}`;
      const books = {
        payment: payments.get(key),
        charges: amounts.CHARGE.get(key) ?? [],
        refunds: amounts.REFUND.get(key) ?? [],
        parcel: bookings.get(`shipment-${order.id}`),
        reservation: reservations.get(order.id),
      };
      return [...moneyFaults(order, books), ...goodsFaults(order, books)].map(
        (fault) => `${order.id} is ${order.status} (${order.reason ?? 'no reason'}), but ${fault}`,
      );
    }),
  ];
}

function moneyFaults(order: OrderFact, { payment, charges, refunds }: Books): string[] {
  const isPaid = charges.length === 1 && charges[0] === order.total && refunds.length === 0;
  const isBack = charges.length === 1 && refunds.length === 1 && charges[0] === refunds[0];
  const said = `the provider has ${payment ?? 'nothing'}, charged ${charges.join()} and refunded ${refunds.join()}`;
  switch (order.status) {
    case 'COMPLETED':
    case 'SHIPPED':
    case 'DELIVERED':
      return isPaid && payment === 'CHARGED' && order.payment === 'CHARGED' ? [] : [said];
    case 'REFUNDED':
      return isBack && payment === 'REFUNDED' && order.payment === 'REFUNDED' ? [] : [said];
    case 'CANCELLED':
      return (charges.length === 0 || isBack) && payment !== 'CHARGED' && order.payment !== 'CHARGED'
        ? []
        : [said];
    default:
      return [];
  }
}

function goodsFaults(order: OrderFact, { parcel, reservation }: Books): string[] {
  const left = hasLeft.has(parcel);
  const said = `the carrier has ${parcel ?? 'nothing'}`;
  const faults: string[] = [];
  const ended = ['DELIVERED', 'CANCELLED', 'REFUNDED'].includes(order.status);
  if (ended && left !== (reservation === 'SHIPPED'))
    faults.push(`${said} and its reservation is ${reservation ?? 'not there'}`);
  if (order.status === 'DELIVERED' && parcel !== 'DELIVERED') faults.push(said);
  if (order.status === 'CANCELLED' && (parcel === 'BOOKED' || left)) faults.push(said);
  if (order.status === 'CANCELLED' && reservation === 'HELD') faults.push('its stock is still held');
  if (order.status === 'REFUNDED' && order.reason !== OVERDUE) {
    if (parcel === 'BOOKED' || (left && parcel !== 'LOST')) faults.push(said);
    if (!left && reservation !== 'RELEASED') faults.push(`its stock is ${reservation ?? 'not there'}`);
  }
  return faults;
}

const stateByKey = (rows: readonly { key: string; state: string }[]): Map<string, string> =>
  new Map(rows.map(({ key, state }) => [key, state]));
