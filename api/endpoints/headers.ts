import { z } from 'zod';

/** Of every request. One that is no trace context is passed over, so that tracing never stands in the way. */
export const traceparentParameter = z
  .string()
  .optional()
  .meta({
    description: 'W3C trace context, which the answer and all that follows go on with',
    param: { id: 'traceparent' },
  });

/** Of every answer. */
export const traceparentHeader = z
  .string()
  .regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
  .meta({ description: 'W3C trace context of this answer', header: { id: 'traceparent' } });

export const eTagHeader = z
  .string()
  .meta({ description: 'Names this state of the answer, for `If-None-Match`', header: { id: 'ETag' } });

export const cacheControlHeader = z.string().meta({
  description: 'What may be done with a copy of the answer',
  header: { id: 'Cache-Control' },
});

export const retryAfterHeader = z
  .string()
  .regex(/^\d+$/)
  .meta({ description: 'When to try again, in seconds', header: { id: 'Retry-After' } });

export const locationHeader = z.string().describe('Path under which the order is shown');

export const projectionLagHeader = z
  .string()
  .regex(/^(\d+\.\d{3}|unknown)$/)
  .meta({
    description: 'How old the answer may be, in seconds; `unknown` while that has not been found out',
    example: '0.042',
    header: { id: 'Projection-Lag' },
  });

export const idempotencyKeySchema = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters, such as a UUID');

/** Of commands on orders, whose outcome may be waited for. */
export const preferParameter = z
  .string()
  .optional()
  .meta({
    description: 'RFC 7240: `wait=20` asks to wait up to so many seconds for the order’s end',
    example: 'wait=20',
    param: { id: 'Prefer' },
  });

export const preferenceAppliedHeader = z
  .string()
  .regex(/^wait=\d+$/)
  .optional()
  .meta({ description: 'That it was waited, and how long at most', header: { id: 'Preference-Applied' } });

/** Of whoever was let in, where the rate is limited. */
export const rateLimitHeaders = {
  RateLimit: z
    .string()
    .optional()
    .meta({ description: 'Requests that are left, and until when', header: { id: 'RateLimit' } }),
  'RateLimit-Policy': z
    .string()
    .optional()
    .meta({ description: 'Requests that a caller may make', header: { id: 'RateLimit-Policy' } }),
};

/** Of queries. */
export const readTokenParameter = z
  .string()
  .optional()
  .meta({
    description:
      'A `Read-Token` that a command answered, or several with commas between: the answer holds what had happened then, or is `202`',
    param: { id: 'Read-Token' },
  });

export const preferForViewsParameter = z
  .string()
  .optional()
  .meta({
    description:
      'RFC 7240: `wait=5` is how many seconds to wait at most for what the `Read-Token` stands for',
    example: 'wait=5',
    param: { id: 'PreferViews' },
  });

/** Of commands on orders. */
export const readTokenHeader = z
  .string()
  .optional()
  .meta({
    description:
      'To send with queries: their answer then holds what the command had done when it was answered. Absent when that could not be looked up',
    header: { id: 'Read-Token' },
  });
