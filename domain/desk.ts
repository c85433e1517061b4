import { failureDetail } from './failure-texts.ts';

/** The compensations, by their activities. */
export const undoNames = ['releaseInventory', 'refundPayment', 'cancelBooking'] as const;
export type UndoName = (typeof undoNames)[number];

/** What a compensating saga writes about the order itself. Only the saga can do that: an order has to end. */
const orderUndoNames = ['failShipment', 'cancelOrder', 'refundOrder'] as const;
export type OrderUndoName = (typeof orderUndoNames)[number];

/** Steps that must succeed because the saga can neither compensate nor go on without them. */
const mustSucceedNames = ['beginUndo', 'completeOrder', 'shipInventory', 'deliverOrder'] as const;
export type MustSucceedName = (typeof mustSucceedNames)[number];

/** What may end up at the compensation desk. */
export const stuckNames = [...undoNames, ...orderUndoNames, ...mustSucceedNames] as const;
export type StuckName = (typeof stuckNames)[number];

/** Whether the step can only be tried again: it writes the order's own state, which no person can do by hand. */
export const isRetryOnly = (name: StuckName): name is OrderUndoName | MustSucceedName =>
  !(undoNames as readonly string[]).includes(name);

/** How an operator may go on with a saga that is stuck. */
export const deskDecisions = ['retry', 'done-by-hand', 'waive'] as const;
export type DeskDecision = (typeof deskDecisions)[number];

/** What may be decided about a step: what the order itself is missing can only be tried again. */
export const decisionsOn = (name: StuckName): readonly DeskDecision[] =>
  isRetryOnly(name) ? ['retry'] : deskDecisions;

export interface Resolution {
  readonly decision: DeskDecision;
  /** Who decided. */
  readonly operator: string;
  readonly reason: string;
}

/** An operator who wants to let money or stock go, which takes a second one. */
export interface WaiverRequest {
  readonly requestedBy: string;
  readonly reason: string;
}

/** What comes of an operator's decision. */
export type DeskVerdict =
  | { readonly kind: 'APPLIED' }
  | { readonly kind: 'WAITS_FOR_SECOND' }
  | {
      readonly kind: 'REFUSED';
      readonly code: 'RETRY_ONLY' | 'SECOND_OPERATOR_REQUIRED';
      /** What the code's text is filled in with. */
      readonly fields: { readonly undo: StuckName; readonly operator: string };
      readonly detail: string;
    };

/**
 * The rules of the desk. What is let go for good takes two people: the first `waive` asks for it, and one by somebody
 * else approves. Any other decision takes one, and voids what was asked for.
 * @param stuck with the waiver that is asked for, of this very occurrence
 */
export function verdictOn(
  { undo, waiver }: { readonly undo: StuckName; readonly waiver: WaiverRequest | null },
  { decision, operator }: Pick<Resolution, 'decision' | 'operator'>,
): DeskVerdict {
  const fields = { undo, operator };
  if (!decisionsOn(undo).includes(decision)) {
    return { kind: 'REFUSED', code: 'RETRY_ONLY', fields, detail: failureDetail('RETRY_ONLY', fields) };
  }
  if (decision !== 'waive') return { kind: 'APPLIED' };
  if (waiver === null) return { kind: 'WAITS_FOR_SECOND' };
  if (waiver.requestedBy !== operator) return { kind: 'APPLIED' };
  const code = 'SECOND_OPERATOR_REQUIRED';
  return { kind: 'REFUSED', code, fields, detail: failureDetail(code, fields) };
}

export const approvalDecisions = ['approve', 'reject'] as const;

/** What a person decides about an order that is dearer than the limit. */
export interface ApprovalDecision {
  readonly decision: (typeof approvalDecisions)[number];
  readonly operator: string;
  readonly reason: string;
}

/** A step that has failed for good: past its attempts, or because it was refused. */
export interface StuckFailure {
  readonly workflowId: string;
  readonly undo: StuckName;
  /** Code of the last failure, from the union of error codes, or `FAILED`. */
  readonly code: string;
  readonly detail: string;
  /** All that the step had; at least so many where it was refused. */
  readonly attempts: number;
}

/** As the order has recorded it. */
export interface StuckStep extends StuckFailure {
  /** 1 for the first time that a saga of this order is stuck; the order counts, so that a second run goes on counting. */
  readonly occurrence: number;
}

/** Which time of which saga: a decision is about this one alone. */
export type StuckOccurrence = Pick<StuckStep, 'workflowId' | 'undo' | 'occurrence'>;

/** What stuck sagas are grouped by, such as `refundPayment: PAYMENT_UNAVAILABLE`. */
export const causeOf = ({ undo, code }: Pick<StuckStep, 'undo' | 'code'>): string => `${undo}: ${code}`;
