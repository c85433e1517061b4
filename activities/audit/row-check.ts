import { differences, type Check } from './check.ts';
import type { OrderFacts } from './order-facts.ts';

/** What an order's events make of it, when the stream has them all. */
export const rowCheck: Check<OrderFacts> = {
  name: 'events',
  holds: 'a row is what its events make of it',
  advice:
    'The row was changed past the application. The events are what customers and sagas were told: put the row right by hand, from the stream.',
  judge: ({ row, stream }) => {
    // What is missing, and where, the check `stream` tells.
    if (!row || !stream?.order || stream.highest !== row.version || stream.missing.length > 0)
      return undefined;
    const { status, inventory, payment, shipment, approval } = row;
    const state = { status, inventory, payment, shipment, approval };
    return differences(['in the row', state], ['by its events', stream.order]);
  },
};
