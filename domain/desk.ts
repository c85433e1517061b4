/** The compensations, by their activities. */
export const undoNames = ['releaseInventory', 'refundPayment', 'cancelBooking'] as const;
export type UndoName = (typeof undoNames)[number];

/** How an operator may go on with a saga that is stuck. */
export const deskDecisions = ['retry', 'done-by-hand', 'waive'] as const;
export type DeskDecision = (typeof deskDecisions)[number];

export interface Resolution {
  readonly decision: DeskDecision;
  /** Who decided. */
  readonly operator: string;
  readonly reason: string;
}

/** What a person decides about an order that is dearer than the limit. */
export interface ApprovalDecision {
  readonly decision: 'approve' | 'reject';
  readonly operator: string;
  readonly reason: string;
}

/** An undo step that has failed past its attempts. */
export interface StuckStep {
  readonly workflowId: string;
  readonly undo: UndoName;
  /** Code of the last failure, from the union of error codes, or `FAILED`. */
  readonly code: string;
  readonly detail: string;
  readonly attempts: number;
  /** 1 for the first time that this saga is stuck. */
  readonly occurrence: number;
}

/** What stuck sagas are grouped by, such as `refundPayment: PAYMENT_UNAVAILABLE`. */
export const causeOf = ({ undo, code }: Pick<StuckStep, 'undo' | 'code'>): string => `${undo}: ${code}`;
