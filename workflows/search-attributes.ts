import { defineSearchAttributeKey } from '@temporalio/common';
import { SEARCH_ATTRIBUTES } from '../domain/topology.ts';

export const orderStatusKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.orderStatus, 'KEYWORD');
export const cancelReasonKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.cancelReason, 'KEYWORD');
export const stuckCauseKey = defineSearchAttributeKey(SEARCH_ATTRIBUTES.stuckCause, 'KEYWORD');
