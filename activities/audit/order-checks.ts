import { carrierCheck } from './carrier-check.ts';
import type { Check } from './check.ts';
import { eventChecks } from './event-checks.ts';
import { isCancelled, isUndoing, type OrderFacts, type OrderRow } from './order-facts.ts';
import { providerCheck } from './provider-check.ts';
import { rowCheck } from './row-check.ts';
import { sagaCheck } from './saga-check.ts';
import { viewChecks } from './view-checks.ts';

const totals: Check<OrderFacts> = {
  name: 'totals',
  holds: 'the lines of an order come to its total',
  advice:
    'The row or its lines were changed past the application. OrderCreated in the stream says what was ordered: put right by hand what differs.',
  isExact: true,
  judge: ({ row }) =>
    !row || row.linesMinor === row.totalMinor
      ? undefined
      : `its lines come to ${row.linesMinor}, its total is ${row.totalMinor}`,
};

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

/** Every check of orders, in the order in which a report shows them. */
export const orderChecks: readonly Check<OrderFacts>[] = [
  rowCheck,
  ...eventChecks<OrderFacts>((facts) => [['', facts]]),
  ...viewChecks,
  totals,
  providerCheck,
  carrierCheck,
  reservations,
  sagaCheck,
];
