/**
 * Every failure the system names itself, in one union. The two mappings live beside what they map to:
 * `activities/failures.ts` (ApplicationFailure) and `api/problems.ts` (HTTP problems).
 */
export type ErrorCode =
  | BusinessRefusal
  | StateConflict
  | InfrastructureError
  | UpdateRefusal
  | RelayError
  | AuditError
  | RequestError;

/** A final "no" for a business reason: repeating the call cannot change it, so the saga compensates. */
export const businessRefusals = [
  'OUT_OF_STOCK',
  'PAYMENT_DECLINED',
  'BOOKING_REFUSED',
  'DISPATCH_OVERDUE',
  'DELIVERY_OVERDUE',
  'PARCEL_LOST',
  'APPROVAL_REJECTED',
  'APPROVAL_OVERDUE',
  'RESERVATION_EXPIRED',
  'PAYMENT_OVERDUE',
] as const;
export type BusinessRefusal = (typeof businessRefusals)[number];

/**
 * Our own books refuse the call: a compensation came first, or the row is elsewhere or gone. Never a reason to cancel an
 * order: another run of its saga explains it, or a person has to look.
 */
export const stateConflicts = [
  'RESERVATION_FENCED',
  'CHARGE_FENCED',
  'BOOKING_FENCED',
  'INVALID_TRANSITION',
  'ORDER_NOT_FOUND',
] as const;
export type StateConflict = (typeof stateConflicts)[number];

/** May pass by itself: repeated with back-off. */
export const infrastructureErrors = [
  'INVENTORY_UNAVAILABLE',
  'PAYMENT_UNAVAILABLE',
  /** The provider did not answer in time: money may or may not have moved. Ask before going on or undoing. */
  'PAYMENT_OUTCOME_UNKNOWN',
  'CARRIER_UNAVAILABLE',
  /** The carrier did not answer in time: a parcel may or may not be booked. */
  'BOOKING_OUTCOME_UNKNOWN',
  /** A step's attempt ended without an answer: its worker died, or the call took too long. */
  'STEP_TIMED_OUT',
] as const;
type InfrastructureError = (typeof infrastructureErrors)[number];

/** Why an order is cancelled or refunded. `CANCEL_REQUESTED`: the customer asked for it, or the workflow itself was cancelled. */
export type CancelReason = BusinessRefusal | 'CANCEL_REQUESTED';

/** What a step of a saga fails with; `FAILED` for what no code foresaw. */
export type StepFailureCode =
  BusinessRefusal | StateConflict | InfrastructureError | UpdateRefusal | 'CANCEL_REQUESTED' | 'FAILED';

/** Why a saga does not take what it is asked to do. */
export const updateRefusals = [
  'TOO_LATE_TO_CANCEL',
  /** The order saga is past its point of no return, and the shipment saga takes the cancellation in a moment. */
  'ORDER_IS_COMPLETING',
  'NOT_WAITING_FOR_APPROVAL',
  'NOT_STUCK',
  /** What is stuck is the order's own ending, which nobody can do by hand or waive. */
  'RETRY_ONLY',
  /** Who asked for a waiver does not approve it. */
  'SECOND_OPERATOR_REQUIRED',
  /** The arguments do not have the shape that the update takes. */
  'INVALID_ARGUMENTS',
] as const;
export type UpdateRefusal = (typeof updateRefusals)[number];

/**
 * Why a relay of the outbox ends before its time: its process shuts down and another worker continues, another relay
 * has taken over the shard, or the database is a replica or a restored copy and an operator has to decide.
 */
export type RelayError = 'RELAY_HANDED_OVER' | 'RELAY_FENCED' | 'OUTBOX_REFUSED';

/** The stores could not be compared: one of them is out of reach, or does not come to rest. */
export type AuditError = 'AUDIT_CANNOT_LOOK';

/** What a caller of the API can do wrong, or has to wait for. */
export const requestErrors = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'VALIDATION_FAILED',
  'MALFORMED_JSON',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'UNKNOWN_SKU',
  'MIXED_CURRENCIES',
  'IDEMPOTENCY_KEY_REUSED',
  'IDEMPOTENCY_KEY_IN_USE',
  'NOT_FOUND',
  'TOO_LATE_TO_CANCEL',
  'NOT_WAITING_FOR_APPROVAL',
  'NOT_STUCK',
  'RETRY_ONLY',
  'SECOND_OPERATOR_REQUIRED',
  /** Its saga runs, or the order has ended: there is nothing to start again. */
  'NOT_ORPHANED',
  'NOT_PARKED',
  'METHOD_NOT_ALLOWED',
  'NOT_ACCEPTABLE',
  'MALFORMED_REQUEST',
  'MISDIRECTED_REQUEST',
  'URL_TOO_LONG',
  'HEADERS_TOO_LARGE',
  'REQUEST_TIMEOUT',
  'RATE_LIMITED',
  'OVERLOADED',
  'EXPORTS_BUSY',
  'UNAVAILABLE',
] as const;
export type RequestError = (typeof requestErrors)[number];

interface OrderSystemErrorOptions extends ErrorOptions {
  /** What the code's fixed text is filled in with; `errorOf` in `failure-texts.ts` takes them typed by code. */
  readonly fields?: object;
}

/**
 * A failure with a code from the union; the message is for people and names no personal data. Only code and fields
 * leave an activity.
 */
export class OrderSystemError extends Error {
  override readonly name = 'OrderSystemError';
  readonly code: ErrorCode;
  readonly fields: object;
  constructor(code: ErrorCode, message: string, { fields = {}, ...options }: OrderSystemErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.fields = fields;
  }
}

/** Failures after which nobody can tell whether the step happened: ask, do not repeat. */
export const unknownOutcomes = ['PAYMENT_OUTCOME_UNKNOWN', 'BOOKING_OUTCOME_UNKNOWN'] as const;

export const isOutcomeUnknown = (code: string): boolean =>
  (unknownOutcomes as readonly string[]).includes(code);

export function isBusinessRefusal(code: string): code is BusinessRefusal {
  return (businessRefusals as readonly string[]).includes(code);
}

export function isStateConflict(code: string): code is StateConflict {
  return (stateConflicts as readonly string[]).includes(code);
}

export function isUpdateRefusal(code: string): code is UpdateRefusal {
  return (updateRefusals as readonly string[]).includes(code);
}
