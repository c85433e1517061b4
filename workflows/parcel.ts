import { ApplicationFailure, condition, defineSignal, setHandler } from '@temporalio/workflow';
import { PARCEL_NOTICE_SIGNAL, type ParcelNotice, type ParcelStatus } from '../domain/shipment-saga.ts';

const parcelNotice = defineSignal<[ParcelNotice]>(PARCEL_NOTICE_SIGNAL);

export interface Parcel {
  /** Resolves once the carrier says that it has left. */
  hasLeft(): Promise<void>;
  /** Resolves once it has arrived; asks the carrier before it gives up. @throws PARCEL_LOST, DELIVERY_OVERDUE */
  hasArrived(withinMs: number): Promise<void>;
}

/**
 * Listens to what the carrier tells. Notices may come twice, late or never; what has arrived or is lost has left.
 * @param locate asks the carrier where the parcel is
 */
export function followParcel(locate: () => Promise<ParcelStatus>): Parcel {
  let last: ParcelNotice | undefined;
  setHandler(parcelNotice, (notice) => {
    if (last === undefined || last === 'DISPATCHED') last = notice;
  });
  const isOver = (status: ParcelStatus | undefined): boolean => status === 'DELIVERED' || status === 'LOST';

  return {
    hasLeft: () => condition(() => last !== undefined),
    hasArrived: async (withinMs) => {
      const told = await condition(() => isOver(last), withinMs);
      const status = told ? last : await locate();
      if (status === 'DELIVERED') return;
      if (status === 'LOST')
        throw ApplicationFailure.nonRetryable('the carrier lost the parcel', 'PARCEL_LOST');
      throw ApplicationFailure.nonRetryable('the parcel did not arrive in time', 'DELIVERY_OVERDUE');
    },
  };
}
