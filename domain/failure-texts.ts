import { OrderSystemError, type AuditError, type RelayError, type StepFailureCode } from './errors.ts';
import { fieldsIn, type Declared, type FieldsDeclared } from './failure-fields.ts';

/** Everything that can be the reason or the detail of a failed step. */
export type FailureCode = StepFailureCode | RelayError | AuditError;

interface FailureText<D extends Declared> {
  readonly declared: D;
  readonly text: (fields: FieldsDeclared<D>) => string;
}

const fixed = (text: string): FailureText<Declared & Record<string, never>> => ({
  declared: {},
  text: () => text,
});

const filledIn = <const D extends Declared>(
  declared: D,
  text: (fields: FieldsDeclared<D>) => string,
): FailureText<D> => ({ declared, text });

/** ` in 3 attempts`, or nothing when the number is not known. */
const inAttempts = (attempts: number | undefined): string =>
  attempts === undefined ? '' : ` in ${attempts} attempts`;

/** The only texts about failures that customers, support and histories get to read. A text works without its fields. */
const texts = {
  OUT_OF_STOCK: filledIn({ lines: 'lines' }, ({ lines = [] }) =>
    ['not enough in stock', lines.map(({ sku, quantity }) => `${quantity} × ${sku}`).join(', ')]
      .filter((part) => part !== '')
      .join(': '),
  ),
  PAYMENT_DECLINED: fixed('the card was declined'),
  RESERVATION_FENCED: fixed('the stock was released already and cannot be reserved again for this order'),
  CHARGE_FENCED: fixed('the payment was cancelled already and cannot be charged again for this order'),
  BOOKING_REFUSED: fixed('the carrier does not take the parcel'),
  BOOKING_FENCED: fixed('the booking was cancelled already and cannot be made again for this order'),
  DISPATCH_OVERDUE: fixed('the parcel did not leave in time'),
  DELIVERY_OVERDUE: fixed('the parcel did not arrive in time'),
  PARCEL_LOST: filledIn({ trackingNumber: 'word' }, ({ trackingNumber }) =>
    ['the carrier lost the parcel', ...(trackingNumber === undefined ? [] : [trackingNumber])].join(' '),
  ),
  APPROVAL_REJECTED: filledIn({ operator: 'text', reason: 'text' }, ({ operator, reason }) =>
    operator === undefined || reason === undefined
      ? 'the order was not approved'
      : `rejected by ${operator}: ${reason}`,
  ),
  APPROVAL_OVERDUE: fixed('the order was not approved in time'),
  RESERVATION_EXPIRED: fixed('the stock was not reserved and paid for in time'),
  PAYMENT_OVERDUE: fixed('the payment was not made in time'),
  INVALID_TRANSITION: filledIn(
    { command: 'word', status: 'word', inventory: 'word', payment: 'word', shipment: 'word' },
    ({ command, ...facets }) => {
      const state = Object.entries(facets).map(([name, value]) => `${name} ${value}`);
      const step = command ?? 'this step';
      return `the state of the order does not allow ${step}${state.length > 0 ? `: ${state.join(', ')}` : ''}`;
    },
  ),
  ORDER_NOT_FOUND: fixed('the order does not exist'),

  INVENTORY_UNAVAILABLE: filledIn(
    { attempts: 'count' },
    ({ attempts }) => `the inventory service was not available${inAttempts(attempts)}`,
  ),
  PAYMENT_UNAVAILABLE: filledIn(
    { attempts: 'count' },
    ({ attempts }) => `the payment provider was not available${inAttempts(attempts)}`,
  ),
  PAYMENT_OUTCOME_UNKNOWN: fixed('the payment provider did not answer in time'),
  CARRIER_UNAVAILABLE: filledIn(
    { attempts: 'count' },
    ({ attempts }) => `the carrier was not available${inAttempts(attempts)}`,
  ),
  BOOKING_OUTCOME_UNKNOWN: fixed('the carrier did not answer in time'),
  STEP_TIMED_OUT: fixed('the step got no answer in time'),

  TOO_LATE_TO_CANCEL: fixed(
    'the parcel has left; let the customer refuse it, or take it back once it has arrived',
  ),
  ORDER_IS_COMPLETING: fixed('the order is being completed; its shipment can be cancelled'),
  NOT_WAITING_FOR_APPROVAL: fixed('the order does not wait for approval'),
  NOT_STUCK: filledIn(
    { workflowId: 'word' },
    ({ workflowId = 'the saga' }) => `${workflowId} does not wait for a decision`,
  ),
  RETRY_ONLY: filledIn(
    { undo: 'word' },
    ({ undo = 'this step' }) =>
      `${undo} writes the order's own state, which cannot be done by hand or waived: repair what refuses it, then retry`,
  ),
  SECOND_OPERATOR_REQUIRED: filledIn({ operator: 'text' }, ({ operator }) =>
    operator === undefined
      ? 'another operator has to send waive as well; retry or done-by-hand, by anyone, makes the request void'
      : `${operator} has asked for this waiver and cannot approve it: another operator has to send waive as well; ` +
        'retry or done-by-hand, by anyone, makes it void',
  ),
  INVALID_ARGUMENTS: filledIn({ takes: 'text' }, ({ takes }) =>
    ['the request does not have the shape that the saga takes', takes].filter(Boolean).join(': '),
  ),

  RELAY_HANDED_OVER: fixed('the worker shuts down; another worker continues'),
  AUDIT_CANNOT_LOOK: filledIn({ why: 'text' }, ({ why }) =>
    ['the stores could not be compared', why].filter(Boolean).join(': '),
  ),
  RELAY_FENCED: fixed('another relay has taken over the shard'),
  OUTBOX_REFUSED: filledIn({ shard: 'count', why: 'word' }, ({ shard, why }) => {
    const of = shard === undefined ? 'the outbox' : `shard ${shard} of the outbox`;
    if (why === 'STREAM_AHEAD')
      return `${of} was set back: the stream is ahead of the database; compare them with npm run set-back -- status, then choose a way on`;
    if (why === 'REPLICA') return `${of} must be read on the primary, and this server is a replica`;
    if (why === 'RESTORED')
      return `${of} was restored from a dump: decide whether its events are published again; the worker's log has the two statements to choose from`;
    return `${of} needs a decision by an operator; the worker's log says which`;
  }),

  CANCEL_REQUESTED: fixed('the workflow was asked to cancel'),
  FAILED: fixed('an unexpected error occurred; support finds it in the log by the id of the order'),
} as const satisfies Readonly<Record<FailureCode, unknown>>;

/** What the text of a code may be filled in with. */
export type FailureFields<C extends FailureCode = FailureCode> = FieldsDeclared<
  (typeof texts)[C]['declared']
>;

/** A failure as it may leave a process. */
export interface SafeFailure {
  readonly code: FailureCode;
  /** Checked: only what the code declares. */
  readonly fields: object;
  readonly detail: string;
}

export const isFailureCode = (code: unknown): code is FailureCode =>
  typeof code === 'string' && Object.hasOwn(texts, code);

/** The fixed text of a code. */
export const failureDetail = <C extends FailureCode>(code: C, fields?: FailureFields<C>): string =>
  safeFailure(code, fields).detail;

/**
 * What may be told of a failure, whatever it says: an unknown code becomes `FAILED`, and of the fields only those
 * that the code declares remain.
 */
export function safeFailure(code: unknown, fields?: unknown): SafeFailure {
  if (!isFailureCode(code)) return { code: 'FAILED', fields: {}, detail: texts.FAILED.text({}) };
  // The compiler sees a union of functions; the fields are checked against this very code's declaration.
  const { declared, text } = texts[code] as unknown as FailureText<Declared>;
  const safe = fieldsIn(declared, fields);
  return { code, fields: safe, detail: text(safe) };
}

/** An error whose code, fields and fixed text may leave the process. */
export const errorOf = <C extends FailureCode & OrderSystemError['code']>(
  code: C,
  fields?: FailureFields<C>,
  options?: ErrorOptions,
): OrderSystemError =>
  new OrderSystemError(code, safeFailure(code, fields).detail, { ...options, fields: fields ?? {} });
