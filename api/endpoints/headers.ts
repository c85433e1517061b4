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
