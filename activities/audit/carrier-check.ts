import type { ParcelStatus } from '../../domain/shipment-saga.ts';
import type { Check } from './check.ts';
import type { OrderFacts, OrderRow } from './order-facts.ts';

const NOT_WITH_CARRIER: readonly ParcelStatus[] = ['NOT_FOUND', 'REFUSED', 'CANCELLED'];
const LEFT: readonly ParcelStatus[] = ['DISPATCHED', 'DELIVERED', 'LOST'];
const ANY: readonly ParcelStatus[] = [...NOT_WITH_CARRIER, 'BOOKED', ...LEFT];

export const carrierCheck: Check<OrderFacts> = {
  name: 'carrier-books',
  holds:
    'the carrier has the parcel of each order where its row says; one that has left is neither cancelled nor refunded, unless it was lost or late or an operator decided so, and its stock is booked out',
  advice:
    'Ask the carrier where the parcel is. One that should not leave: cancel it there. One that has left and was refunded: bring it back or charge the customer anew, and book its stock out by hand. Where the row is behind, find out whether its saga still runs.',
  isOutside: true,
  judge: (facts) => {
    const { row, parcel } = facts;
    const at = parcel?.status ?? 'NOT_FOUND';
    if (!row)
      return NOT_WITH_CARRIER.includes(at) ? undefined : `the carrier says ${at}, and there is no such order`;
    const { status, shipment, inventory, cancelReason } = row;
    const facets = `(status ${status}, shipment ${shipment}, inventory ${inventory}${cancelReason === null ? '' : `, ${cancelReason}`})`;
    const isSettled = mayBeSettled(facts);
    const { right, soon } = parcelsThatMayBe(row, isSettled);
    if (soon.includes(at))
      return parcel?.isRecent === true || row.stuckCause !== null
        ? undefined
        : `the carrier has said ${at} for more than an hour, and its row does not know ${facets}`;
    if (!right.includes(at))
      return `the carrier says ${at}, and ${right.join(' or ')} would be right ${facets}`;
    return LEFT.includes(at) && status !== 'COMPLETED' && !isSettled && !isBookedOut(row)
      ? `the carrier says ${at}, and its stock is not booked out ${facets}`
      : undefined;
  },
};

const isByOperator = (facet: string): boolean => facet === 'BY_HAND' || facet === 'WAIVED';
const isBookedOut = ({ inventory }: OrderRow): boolean => inventory === 'SHIPPED' || isByOperator(inventory);

/**
 * Whether an operator has settled what becomes of the parcel: its cancellation, or money and stock both. Of the former
 * only an event tells; as long as one is missing, it may be that.
 */
function mayBeSettled({ row, stream }: OrderFacts): boolean {
  if (!row) return false;
  const knowsAll = stream?.order && stream.highest >= row.version && stream.missing.length === 0;
  return !knowsAll || stream.bookingSettled === true || (isByOperator(row.payment) && isBookedOut(row));
}

interface Parcels {
  readonly right: readonly ParcelStatus[];
  /** The carrier acts first and the row follows: right for a while, or as long as an operator is waited for. */
  readonly soon: readonly ParcelStatus[];
}

const only = (...right: readonly ParcelStatus[]): Parcels => ({ right, soon: [] });

function parcelsThatMayBe({ status, shipment, cancelReason }: OrderRow, isSettled: boolean): Parcels {
  switch (status) {
    case 'PENDING':
    case 'RESERVED':
    case 'PAID':
    case 'CANCELLED':
      return only(...NOT_WITH_CARRIER);
    case 'COMPLETED':
      if (shipment === 'NONE') return { right: NOT_WITH_CARRIER, soon: ['BOOKED', ...LEFT] };
      if (isSettled) return only(...ANY);
      if (shipment === 'FAILED') return only(...NOT_WITH_CARRIER);
      return { right: ['BOOKED'], soon: [...LEFT, 'CANCELLED'] };
    case 'SHIPPED':
      return shipment === 'FAILED' ? only(...LEFT) : { right: ['DISPATCHED'], soon: ['DELIVERED', 'LOST'] };
    case 'DELIVERED':
      return only('DELIVERED');
    case 'REFUNDED':
      if (isSettled) return only(...ANY);
      return cancelReason === 'PARCEL_LOST' || cancelReason === 'DELIVERY_OVERDUE'
        ? only(...LEFT)
        : only(...NOT_WITH_CARRIER);
  }
}
