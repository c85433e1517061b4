/**
 * Every failure the system names itself, in one union. The two mappings live beside what they map to:
 * `activities/failures.ts` (ApplicationFailure) and `api/problems.ts` (HTTP problems).
 */
export type ErrorCode = BusinessRefusal | InfrastructureError | UpdateRefusal | RequestError;

/** A final "no": repeating the call cannot change it, so a saga starts to undo. */
export const businessRefusals = [
  'OUT_OF_STOCK',
  'PAYMENT_DECLINED',
  'RESERVATION_FENCED',
  'CHARGE_FENCED',
  'BOOKING_REFUSED',
  'BOOKING_FENCED',
  'DISPATCH_OVERDUE',
  'DELIVERY_OVERDUE',
  'PARCEL_LOST',
  'APPROVAL_REJECTED',
  'APPROVAL_OVERDUE',
  'RESERVATION_EXPIRED',
  'PAYMENT_OVERDUE',
  'INVALID_TRANSITION',
  'ORDER_NOT_FOUND',
] as const;
export type BusinessRefusal = (typeof businessRefusals)[number];

/** May pass by itself: repeated with back-off. */
export const infrastructureErrors = [
  'INVENTORY_UNAVAILABLE',
  'PAYMENT_UNAVAILABLE',
  /** The provider did not answer in time: money may or may not have moved. Ask before going on or undoing. */
  'PAYMENT_OUTCOME_UNKNOWN',
  'CARRIER_UNAVAILABLE',
  /** The carrier did not answer in time: a parcel may or may not be booked. */
  'BOOKING_OUTCOME_UNKNOWN',
] as const;
export type InfrastructureError = (typeof infrastructureErrors)[number];

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
] as const;
export type UpdateRefusal = (typeof updateRefusals)[number];

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
  'URL_TOO_LONG',
  'HEADERS_TOO_LARGE',
  'REQUEST_TIMEOUT',
  'RATE_LIMITED',
  'OVERLOADED',
  'EXPORTS_BUSY',
  'UNAVAILABLE',
] as const;
export type RequestError = (typeof requestErrors)[number];

/** A failure with a code from the union; the message is for people and names no personal data. */
export class OrderSystemError extends Error {
  override readonly name = 'OrderSystemError';
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Failures after which nobody can tell whether the step happened: ask, do not repeat. */
export const isOutcomeUnknown = (code: string): boolean =>
  code === 'PAYMENT_OUTCOME_UNKNOWN' || code === 'BOOKING_OUTCOME_UNKNOWN';

export function isBusinessRefusal(code: string): code is BusinessRefusal {
  return (businessRefusals as readonly string[]).includes(code);
}

export function isUpdateRefusal(code: string): code is UpdateRefusal {
  return (updateRefusals as readonly string[]).includes(code);
}
