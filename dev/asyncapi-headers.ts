import { z } from 'zod';

/** What a message has beside its body; `activities/outbox-relay/stream-publisher.ts` and `messaging/publish.ts` set it. */
export const messageHeaders = z
  .object({
    'Nats-Msg-Id': z
      .uuid()
      .describe('Id of the event, by which JetStream refuses repeats within two minutes'),
    'ce-specversion': z.literal('1.0').describe('CloudEvents, binary mode'),
    'ce-id': z.uuid().describe('Id of the event'),
    'ce-type': z.string().describe('Its type, without the version'),
    'ce-source': z.string().describe('`/durable-orders/` and orders, products or stocks'),
    'ce-subject': z.string().describe('Its aggregateId'),
    'ce-sequence': z
      .string()
      .regex(/^[1-9][0-9]*$/)
      .describe('Its aggregateVersion'),
    'ce-datacontenttype': z.literal('application/json'),
    traceparent: z.string().describe('W3C trace context of the request that led to it'),
    'Nats-Batch-Id': z.string().optional().describe('Of the batch that it was published with'),
    'Nats-Batch-Sequence': z.string().optional().describe('Its place there, from 1 on'),
    'Nats-Batch-Commit': z.literal('1').optional().describe('On the last message of a batch'),
  })
  .describe('Names are as written here; others may be added');
