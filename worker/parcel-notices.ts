import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import type { ParcelNotified } from '../activities/shipping/carrier.ts';
import { PARCEL_NOTICE_SIGNAL } from '../domain/shipment-saga.ts';

const SIGNAL_WITHIN_MS = 5_000;

/** Whether the order whose shipment has this workflow id has ended. */
export type OrderHasEnded = (shipmentWorkflowId: string) => Promise<boolean>;

/** Passes what the carrier tells on to the shipment's workflow, whose id is the booking's key. */
export const createParcelNotices =
  (client: Client, hasEnded: OrderHasEnded): ParcelNotified =>
  async (key, notice) => {
    try {
      await client.withDeadline(Date.now() + SIGNAL_WITHIN_MS, () =>
        client.workflow.getHandle(key).signal(PARCEL_NOTICE_SIGNAL, notice),
      );
    } catch (error) {
      // An order that has ended, such as one refunded after its deadline, needs no news. While it has not ended, its
      // saga was lost: the notice has to come again when the saga was started again.
      if (error instanceof WorkflowNotFoundError && (await hasEnded(key))) return;
      throw error;
    }
  };
