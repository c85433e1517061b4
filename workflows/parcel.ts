import { condition, defineSignal, log, setHandler } from '@temporalio/workflow';
import {
  PARCEL_NOTICE_SIGNAL,
  parcelNotices,
  type ParcelNotice,
  type ParcelStatus,
} from '../domain/shipment-saga.ts';
import { failWith } from './failures.ts';

const parcelNotice = defineSignal<[ParcelNotice]>(PARCEL_NOTICE_SIGNAL);

export interface Parcel {
  /** The carrier has answered where it is. */
  learn(status: ParcelStatus): void;
  /** Resolves once the carrier says that it has left, also when a cancellation arrives at the same moment. */
  hasLeft(): Promise<void>;
  /** Resolves once it has arrived; asks the carrier before it gives up. @throws PARCEL_LOST, DELIVERY_OVERDUE */
  hasArrived(withinMs: number): Promise<void>;
}

/**
 * Follows what the carrier reports. Notices may come twice, late or never; a parcel that has arrived or is lost has left.
 * @param locate asks the carrier where the parcel is
 */
export function followParcel(locate: () => Promise<ParcelStatus>): Parcel {
  let last: ParcelNotice | undefined;
  const learn = (status: ParcelStatus): void => {
    if (!isNotice(status)) return;
    if (last === undefined || last === 'DISPATCHED') last = status;
  };
  setHandler(parcelNotice, (notice) => {
    if (isNotice(notice)) learn(notice);
    else log.warn('ignored a parcel notice that the carrier does not have', { known: parcelNotices.join() });
  });
  const isOver = (status: ParcelStatus | undefined): boolean => status === 'DELIVERED' || status === 'LOST';
  const hasLeft = (): boolean => last !== undefined;

  return {
    learn,
    hasLeft: async () => {
      try {
        await condition(hasLeft);
      } catch (error) {
        // A notice that came together with a cancellation or the deadline: the parcel has left.
        if (!hasLeft()) throw error;
      }
    },
    hasArrived: async (withinMs) => {
      const told = await condition(() => isOver(last), withinMs, { summary: 'Deadline: DELIVERY_OVERDUE' });
      const status = told ? last : await locate();
      if (status === 'DELIVERED') return;
      if (status === 'LOST') throw failWith('PARCEL_LOST');
      throw failWith('DELIVERY_OVERDUE');
    },
  };
}

const isNotice = (status: unknown): status is ParcelNotice =>
  (parcelNotices as readonly unknown[]).includes(status);
