import type { RequestError } from '../domain/errors.ts';

interface Guidance {
  /** When it is answered. */
  readonly when: string;
  /** What its caller does about it. */
  readonly remedy: string;
}

/** What people are told about each problem; `docs/problems.md` is made from it. In Markdown. */
export const problemGuide: Readonly<Record<RequestError, Guidance>> = {
  UNAUTHENTICATED: {
    when: 'The request has no bearer token, or one that is not valid or not valid any more.',
    remedy: 'Get a new token and send it as `Authorization: Bearer …`.',
  },
  FORBIDDEN: {
    when: 'The caller is known and has none of the roles that the route takes, or named another customer.',
    remedy:
      'Leave `customerId` out, or ask for the role that `detail` names. The same request will not pass.',
  },
  VALIDATION_FAILED: {
    when: 'A field of the body, a parameter or a header is missing, unknown or out of its limits.',
    remedy: '`errors` names each with what is wrong; mend all of them and send again.',
  },
  MALFORMED_JSON: {
    when: 'The body cannot be parsed as JSON, is not UTF-8, is nested more than 32 levels deep, is not compressed as `Content-Encoding` says, or ended before its announced length.',
    remedy: 'Send valid JSON in UTF-8; `detail` says what is wrong with it.',
  },
  BODY_TOO_LARGE: {
    when: 'The body has more than 64 KB.',
    remedy: 'Send less at a time.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    when: 'The body is not declared as JSON, or its charset is not UTF-8, or its compression is not known.',
    remedy: 'Send `Content-Type: application/json` in UTF-8, plain or compressed with gzip.',
  },
  UNKNOWN_SKU: {
    when: 'A line of the order names a product that is not in the catalogue.',
    remedy: '`errors` names the lines; `GET /products` lists what can be ordered.',
  },
  MIXED_CURRENCIES: {
    when: 'The products of one order are priced in more than one currency.',
    remedy: 'Place one order for each currency.',
  },
  IDEMPOTENCY_KEY_REUSED: {
    when: 'The `Idempotency-Key` was sent before, with another body.',
    remedy: 'Send a new key for a new order; a repeat must be the same request.',
  },
  IDEMPOTENCY_KEY_IN_USE: {
    when: 'A request with this `Idempotency-Key` is still being dealt with.',
    remedy: 'Repeat the request after `Retry-After`; it is then answered as the first one was.',
  },
  NOT_FOUND: {
    when: 'There is nothing under this path, or nothing that the caller may see.',
    remedy: 'Check the id. An order that was just placed may take a moment to be shown: ask again.',
  },
  TOO_LATE_TO_CANCEL: {
    when: 'The parcel has left, or has arrived.',
    remedy: '`detail` says what to do instead, such as taking it back as a return.',
  },
  NOT_WAITING_FOR_APPROVAL: {
    when: 'The order needs no approval, has been decided, has ended, or has not begun to wait yet.',
    remedy: 'Look at `approval` of the order; decide while it is `REQUESTED`.',
  },
  NOT_STUCK: {
    when: 'The saga goes on by itself, or has ended: somebody else may have decided.',
    remedy: 'Nothing; `GET /operations/sagas?state=stuck` lists those that wait.',
  },
  RETRY_ONLY: {
    when: 'What is stuck is the order’s own ending, which nobody can do by hand or waive.',
    remedy: 'Remove the cause and send `{"action": "retry"}`.',
  },
  SECOND_OPERATOR_REQUIRED: {
    when: 'The caller has asked to waive what is stuck already; whoever asks cannot approve.',
    remedy:
      'Have another operator send `{"action": "waive"}` as well. Anybody may send `retry` or `done-by-hand`, which makes the request void.',
  },
  NOT_ORPHANED: {
    when: 'The saga that is to be started again is running, or the order has ended or needs its other saga.',
    remedy: 'Nothing, or the request for the saga that `detail` names.',
  },
  NOT_PARKED: {
    when: 'The outbox row, or the event that could not be applied, is not there or waits for no decision: somebody else may have decided.',
    remedy:
      'Nothing; `GET /operations/outbox/parked` and `GET /operations/projections/parked` list those that wait.',
  },
  MALFORMED_REQUEST: {
    when: 'What arrived is not HTTP/1.1 as this server reads it.',
    remedy: 'Look at what is between the client and the server; send HTTP/1.1.',
  },
  MISDIRECTED_REQUEST: {
    when: 'The installation is for one machine (`AUTH_DEMO=true`), and `Host` names another one, as a page does whose name was made to resolve to 127.0.0.1.',
    remedy: 'Use `localhost` or `127.0.0.1` in the address.',
  },
  URL_TOO_LONG: {
    when: 'The path and its query are longer than any that has a use.',
    remedy: 'Ask for less at a time; `detail` says how long an address may be.',
  },
  HEADERS_TOO_LARGE: {
    when: 'The address and the headers are larger than 16 KB together.',
    remedy: 'Send fewer or shorter headers, such as a token with fewer claims.',
  },
  REQUEST_TIMEOUT: {
    when: 'The headers or the body did not arrive in time. Nothing was done.',
    remedy: 'Send them faster, over a new connection.',
  },
  RATE_LIMITED: {
    when: 'The caller made more requests within a minute than one may, or tokens from one address were refused too often.',
    remedy: 'Wait as long as `Retry-After` says; `RateLimit` tells beforehand how many are left.',
  },
  METHOD_NOT_ALLOWED: {
    when: 'The path exists and does not take this method.',
    remedy: 'Use one of the methods in `Allow`.',
  },
  NOT_ACCEPTABLE: {
    when: '`Accept` names no media type in which the answer can be had.',
    remedy: 'Send one of those that `detail` names, or none.',
  },
  OVERLOADED: {
    when: 'So many requests wait already that this one would be answered too late, or so many readers follow live events.',
    remedy:
      'Nothing was done. Repeat after `Retry-After`, with the same `Idempotency-Key`, and back off if it comes again.',
  },
  EXPORTS_BUSY: {
    when: 'As many exports are under way as one process carries out at a time.',
    remedy: 'Repeat after `Retry-After`; a shorter period, or JSON with few rows, needs no place.',
  },
  UNAVAILABLE: {
    when: 'Something that the request needs, such as the database or a saga, does not answer now.',
    remedy:
      'Whether it was done is not known. Repeat after `Retry-After`, with the same `Idempotency-Key` if it had one.',
  },
};
