import { z } from 'zod';
import { orderStatuses } from '../../domain/order.ts';
import { locationHeader, preferenceAppliedHeader, readTokenHeader } from '../endpoints/headers.ts';

/** How far an order got, as `endOf` says it. */
export const outcomeFields = {
  status: z.enum(orderStatuses),
  cancelReason: z.string().optional().describe('Why it was cancelled or refunded'),
};

/** Of an answer that may have been waited for. */
export const outcomeHeaders = {
  Location: locationHeader,
  'Preference-Applied': preferenceAppliedHeader,
  'Read-Token': readTokenHeader,
};
