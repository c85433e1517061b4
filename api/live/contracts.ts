import { z } from 'zod';
import { eventNames } from '../../domain/events.ts';
import { EVENT_STREAM } from '../../platform/event-stream.ts';
import { contract } from '../endpoints/contract.ts';
import { orderParams } from '../endpoints/order-params.ts';
import { orderEventIdSchema, streamEventIdSchema } from './event-ids.ts';

const resumes = 'The id of the last event that was read: what came after it is sent';
const frames = z.string().describe('Server-Sent Events');
const framesOf = (example: string): z.ZodType<string> => frames.meta({ examples: [example] });

export const followOrderContract = contract({
  method: 'get',
  path: '/orders/{id}/events',
  operationId: 'followOrder',
  tag: 'orders',
  summary: 'What has happened to an order, and then what happens, as Server-Sent Events',
  description:
    'Each event once, in order; its `id` is its version. `data` is the event, to a customer without what caused and ' +
    'traces it, who decided, and references of the payment provider. An order that was placed a moment ago is waited ' +
    'for. The connection ends when the token expires or the server stops: connect again with `Last-Event-ID`, as browsers ' +
    'do by themselves, and nothing is lost or repeated.',
  policy: ['customer', 'operator', 'admin'],
  ownOrders: true,
  params: orderParams,
  query: z.strictObject({
    lastEventId: orderEventIdSchema
      .optional()
      .describe(`${resumes}. For a first connection; the header goes before`),
  }),
  headers: z.object({ 'Last-Event-ID': orderEventIdSchema.optional().describe(resumes) }),
  cacheControl: 'no-store',
  answers: {
    200: {
      description: 'The events, without end',
      contentType: EVENT_STREAM,
      body: framesOf('id: 1\nevent: OrderCreated\ndata: {"type":"OrderCreated","aggregateVersion":1}\n\n'),
    },
  },
  refusals: ['NOT_FOUND', 'OVERLOADED'],
});

export const followEventsContract = contract({
  method: 'get',
  path: '/events',
  operationId: 'followEvents',
  tag: 'operations',
  summary: 'What happens to all orders and products, as Server-Sent Events',
  description:
    'From now on, with `from=start` everything that the stream holds, with `Last-Event-ID` what came after that ' +
    'event. The stream may hold an event more than once: `aggregateVersion` tells. An `id` of a stream that was ' +
    'replaced or set back is answered with an event `reset`, after which the present stream follows from its beginning.',
  policy: ['operator', 'admin'],
  query: z.strictObject({
    type: z
      .enum(eventNames, { error: `must be one of ${eventNames.join(', ')}` })
      .optional()
      .describe('Only events of this type'),
    from: z.enum(['now', 'start'], { error: 'must be now or start' }).default('now'),
    lastEventId: streamEventIdSchema
      .optional()
      .describe(`${resumes}. For a first connection; the header goes before`),
  }),
  headers: z.object({ 'Last-Event-ID': streamEventIdSchema.optional().describe(resumes) }),
  cacheControl: 'no-store',
  answers: {
    200: {
      description: 'The events, without end',
      contentType: EVENT_STREAM,
      body: framesOf(
        'id: 2026-03-01T10:00:00.123456789Z/42\nevent: OrderCreated\ndata: {"type":"OrderCreated"}\n\n',
      ),
    },
  },
  refusals: ['OVERLOADED'],
});
