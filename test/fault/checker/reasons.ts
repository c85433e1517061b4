import type { EventFact, Facts, OrderFact } from './facts.ts';

type Told = Facts['told'] extends ReadonlyMap<string, infer T> ? T : never;

/** What must be true of an order that ended for this reason. A reason that is not here is no business reason. */
const causes: Readonly<Record<string, (order: Told, facts: Evidence) => boolean>> = {
  CANCEL_REQUESTED: ({ words, cancellation }) => words !== undefined && cancellation !== 'TOO_LATE',
  // Of the product that runs out.
  OUT_OF_STOCK: ({ request }, { scarce }) => request.lines.some(({ sku }) => scarce.has(sku)),
  PAYMENT_DECLINED: ({ request }) => request.paymentMethod === 'pm_card_declined',
  // The provider never answers for this card.
  PAYMENT_OVERDUE: ({ request }) => request.paymentMethod === 'pm_timeout_before',
  APPROVAL_REJECTED: ({ decision }) => decision === 'reject',
  BOOKING_REFUSED: (_order, { parcel }) => parcel === 'REFUSED',
  PARCEL_LOST: (_order, { parcel }) => parcel === 'LOST',
};

interface Evidence {
  readonly parcel: string | undefined;
  readonly scarce: ReadonlySet<string>;
}

/** Fewer pieces than this can run out. */
const PLENTY = 10_000;

/** Orders that were given up although neither customer, operator, provider, carrier nor stock is the reason. */
export function technicalReasons(facts: Facts): string[] {
  const parcels = new Map(facts.bookings.map(({ key, state }) => [key, state]));
  const scarce = new Set([...facts.initialStock].filter(([, pieces]) => pieces < PLENTY).map(([sku]) => sku));
  return facts.orders.flatMap(({ id, status, reason }) => {
    if (reason === null) return [];
    const cause = causes[reason];
    if (!cause) return [`${id} is ${status} for ${reason}, which is no business reason`];
    const told = facts.told.get(id);
    const evidence = { parcel: parcels.get(`shipment-${id}`), scarce };
    return told && cause(told, evidence)
      ? []
      : [`${id} is ${status} for ${reason}, which did not happen: ${JSON.stringify(told)}`];
  });
}

const undone = new Set(['CANCELLED', 'REFUNDED']);
const tellReason = new Set(['OrderCancelled', 'OrderRefunded', 'ShipmentFailed']);

/** Reasons that differ between the places that show one, or from what clients were told. */
export function changedReasons(facts: Facts): string[] {
  const endings = new Map<string, EventFact[]>();
  for (const event of facts.outbox)
    if (tellReason.has(event.type))
      endings.set(event.aggregateId, [...(endings.get(event.aggregateId) ?? []), event]);
  return facts.orders.flatMap((order) => {
    const events = endings.get(order.id) ?? [];
    const told = facts.told.get(order.id);
    return [...reasonsShown(order, events), ...(told ? answersBroken(order, events, told) : [])].map(
      (fault) => `${order.id} (${order.status}, ${order.reason ?? 'no reason'}): ${fault}`,
    );
  });
}

function reasonsShown(
  { reason, firstReason, firstDetail }: OrderFact,
  events: readonly EventFact[],
): string[] {
  const faults = events
    .filter(({ data }) => data['reason'] !== reason)
    .map(({ type, data }) => `${type} says ${String(data['reason'])}`);
  if (reason === null || firstReason === null) return faults;
  if (firstReason !== reason) faults.push(`the first reason was ${firstReason}`);
  for (const { type, data } of events)
    if (firstDetail !== null && data['detail'] !== firstDetail)
      faults.push(`${type} says "${String(data['detail'])}", but first it was "${firstDetail}"`);
  return faults;
}

function answersBroken(order: OrderFact, events: readonly EventFact[], told: Told): string[] {
  const faults: string[] = [];
  if (told.cancellation === 'ACCEPTED' && !undone.has(order.status))
    faults.push('its cancellation was accepted');
  if (order.reason !== 'CANCEL_REQUESTED') return faults;
  if (told.cancellation === 'TOO_LATE') faults.push('its cancellation was answered with too late');
  for (const { type, data } of events)
    if (data['detail'] !== told.words)
      faults.push(`${type} says "${String(data['detail'])}", but its customer said "${told.words}"`);
  return faults;
}
