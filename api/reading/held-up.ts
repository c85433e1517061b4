import type { Knex } from '../../db/connection.ts';
import { heldUpAmong } from '../../projections/queries/orders.ts';
import { actsForOthers, mayAccessOrdersOf } from '../auth/ownership.ts';
import type { Principal } from '../auth/principal.ts';
import { toHeldUpView } from '../queries/order-view.ts';
import type { HeldUpOrder } from './not-yet.ts';
import type { ReadPoint } from './read-token.ts';

/**
 * Which of these orders will not get into the views before an operator has decided, as far as the reader may know. An
 * order that is not in them yet has no customer there, and is told to those who act for others alone.
 */
export async function heldUpFor(
  db: Knex,
  principal: Principal,
  points: readonly ReadPoint[],
): Promise<HeldUpOrder[]> {
  const held = await heldUpAmong(
    db,
    points.map(({ orderId }) => orderId),
  );
  return held
    .filter(({ orderId, shown }) => points.some((point) => point.orderId === orderId && !holds(shown, point)))
    .filter(({ shown }) =>
      shown ? mayAccessOrdersOf(principal, shown.customerId) : actsForOthers(principal),
    )
    .map(({ orderId, heldUp }) => ({ orderId, ...toHeldUpView(heldUp, actsForOthers(principal)) }));
}

const holds = (shown: { readonly version: number } | null, { version }: ReadPoint): boolean =>
  shown !== null && shown.version >= version;
