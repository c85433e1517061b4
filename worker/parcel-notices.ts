import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { ParcelNotified } from '../activities/shipping/carrier.ts';
import { PARCEL_NOTICE_SIGNAL } from '../domain/shipment-saga.ts';

const SIGNAL_WITHIN_MS = 5_000;

/** Passes what the carrier tells on to the shipment's workflow, whose id is the booking's key. */
export const createParcelNotices =
  (client: Client): ParcelNotified =>
  async (key, notice) => {
    try {
      await client.withDeadline(Date.now() + SIGNAL_WITHIN_MS, () =>
        client.workflow.getHandle(key).signal(PARCEL_NOTICE_SIGNAL, notice),
      );
    } catch (error) {
      // A shipment that has ended, refunded after its deadline, has no more use for news.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  };
