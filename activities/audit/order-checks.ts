import type { Check } from './check.ts';
import { eventChecks } from './event-checks.ts';
import { isCancelled, type OrderFacts, type OrderRow } from './order-facts.ts';
import { rowCheck } from './row-check.ts';
import { sagaCheck } from './saga-check.ts';
import { viewChecks } from './view-checks.ts';

const payments: Check<OrderFacts> = {
  name: 'payments',
  holds: 'the ledger holds the total of each paid order, and nothing of one that was cancelled or refunded',
  advice:
    'Compare payments.ledger with the provider’s statement, and refund or charge there; let an operator settle the order at the compensation desk. Nothing repairs money by itself.',
  isExact: true,
  judge: ({ row, booked }) => {
    if (!row) return undefined;
    if (row.linesMinor !== row.totalMinor)
      return `its lines come to ${row.linesMinor}, its total is ${row.totalMinor}`;
    if (booked && booked.currency !== row.currency)
      return `charged in ${booked.currency}, its total is in ${row.currency}`;
    const charged = booked?.charged ?? 0;
    const kept = charged - (booked?.refunded ?? 0);
    if (charged !== 0 && charged !== row.totalMinor)
      return `${charged} was charged, its total is ${row.totalMinor}`;
    const may = amountsThatMayBeKept(row);
    return may.includes(kept)
      ? undefined
      : `${kept} is kept, and ${may.join(' or ')} would be right (payment ${row.payment}, status ${row.status})`;
  },
};

/** The provider acts first and the order's row follows, so between two steps there are two answers. */
function amountsThatMayBeKept(row: OrderRow): number[] {
  const { payment, status, totalMinor } = row;
  switch (payment) {
    case 'NONE':
      return isCancelled(status) ? [0] : [0, totalMinor];
    case 'CHARGED':
      return isUndoing(row) ? [totalMinor, 0] : [totalMinor];
    case 'REFUNDED':
      return [0];
    case 'BY_HAND':
    case 'WAIVED':
      return [totalMinor, 0];
  }
}

/** Whether its saga takes back what it did. */
const isUndoing = ({ status, shipment, undoBegan }: OrderRow): boolean =>
  !isCancelled(status) && status !== 'DELIVERED' && (undoBegan || shipment === 'FAILED');

const reservations: Check<OrderFacts> = {
  name: 'reservations',
  holds: 'an order holds, has released or has shipped its stock as its reservation says',
  advice:
    'Count the shelf, then put inventory.reservations and inventory.stock right together by hand, with a StockChanged event (set the stock through the application).',
  isExact: true,
  judge: ({ row, reservation }) => {
    if (!row) return reservation === 'HELD' ? 'stock is held, and there is no such order' : undefined;
    const may = reservationsThatMayBe(row);
    return may === undefined || may.includes(reservation)
      ? undefined
      : `the reservation is ${reservation ?? 'missing'}, and ${may.map((state) => state ?? 'none').join(' or ')} would be right (inventory ${row.inventory}, status ${row.status})`;
  },
};

/** @returns undefined when any will do: an operator has settled it by hand */
function reservationsThatMayBe(row: OrderRow): (string | undefined)[] | undefined {
  switch (row.inventory) {
    case 'NONE':
      return isCancelled(row.status) ? [undefined, 'RELEASED'] : [undefined, 'HELD', 'RELEASED'];
    case 'RESERVED':
      return [
        'HELD',
        ...(isUndoing(row) ? ['RELEASED'] : []),
        ...(row.shipment === 'BOOKED' ? ['SHIPPED'] : []),
      ];
    case 'RELEASED':
      return ['RELEASED'];
    case 'SHIPPED':
      return ['SHIPPED'];
    case 'BY_HAND':
    case 'WAIVED':
      return undefined;
  }
}

export const orderChecks: readonly Check<OrderFacts>[] = [
  rowCheck,
  ...eventChecks<OrderFacts>((facts) => [['', facts]]),
  ...viewChecks,
  payments,
  reservations,
  sagaCheck,
];
