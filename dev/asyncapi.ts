import { envelopeSchema, type AggregateType, type ReleasedVersion } from '../domain/event-kinds.ts';
import { eventTypes } from '../domain/event-types.ts';
import { releasedVersions, versionName } from '../domain/events.ts';
import { createTopology, PARTITIONS } from '../domain/topology.ts';
import { messageHeaders } from './asyncapi-headers.ts';
import { jsonSchemaOf, type JsonSchema } from './published-shapes.ts';

const info = {
  title: 'Durable Orders: events',
  version: '0.1.0',
  description: `\
What happens to orders, products and stock, as it is in the JetStream stream \`${createTopology().stream}\`. \
docs/events.md tells how to read it from another service.

- One message per event, in order per order and per product. A message may come again: its \`Nats-Msg-Id\` and the \
\`id\` inside are the same then, and \`aggregateVersion\` is not above the last one.
- A published version of an event never changes. Another shape is a new version of the same type; those before it are \
marked as deprecated, stay in the stream, and are not written any more.
- Amounts are whole minor units (cents) with an ISO 4217 currency.`,
  license: { name: 'MIT' },
};

const server = {
  host: '{host}:{port}',
  protocol: 'nats',
  description: 'nats-server 2.12 or newer with JetStream',
  variables: { host: { default: '127.0.0.1' }, port: { default: '4222' } },
  security: [ref('securitySchemes', 'user')],
};

interface Message {
  readonly name: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly aggregateType: AggregateType;
  readonly version: ReleasedVersion;
}

const messages: readonly Message[] = [...releasedVersions].flatMap(([type, versions]) =>
  versions.map((version, index) => ({
    name: versionName(type, index + 1),
    type,
    schemaVersion: index + 1,
    aggregateType: eventTypes[type as keyof typeof eventTypes].aggregateType,
    version,
  })),
);

/** @param examples events as they were written, by `Type.vN` */
export function createEventDocument(examples: Readonly<Record<string, unknown>>): object {
  return {
    asyncapi: '3.0.0',
    info,
    defaultContentType: 'application/json',
    servers: { nats: server },
    channels: {
      orders: channelOf(
        'orders',
        'orderId',
        'What happens to orders',
        messages.filter(({ aggregateType }) => aggregateType === 'order'),
      ),
      products: channelOf(
        'products',
        'sku',
        'What happens to products and their stock',
        messages.filter(({ aggregateType }) => aggregateType !== 'order'),
      ),
    },
    operations: {
      publishOrderEvents: publishing('orders', 'After the transaction in which it happened has committed'),
      publishProductEvents: publishing(
        'products',
        'After the transaction in which it happened has committed',
      ),
    },
    components: {
      messages: Object.fromEntries(
        messages.map((message) => [message.name, messageOf(message, examples[message.name])]),
      ),
      messageTraits: {
        event: {
          contentType: 'application/json',
          headers: ref('schemas', 'headers'),
          correlationId: { location: '$message.payload#/correlationId' },
        },
      },
      schemas: {
        headers: jsonSchemaOf(messageHeaders),
        envelope: jsonSchemaOf(envelopeSchema),
        ...Object.fromEntries(messages.map(({ name, version }) => [name, jsonSchemaOf(version.data)])),
      },
      securitySchemes: { user: { type: 'userPassword', description: 'A user of the NATS server' } },
    },
  };
}

function ref(kind: string, name: string): { $ref: string } {
  return { $ref: `#/components/${kind}/${name}` };
}

const channelOf = (root: string, idName: string, description: string, sent: readonly Message[]): object => ({
  address: `${root}.{partition}.{eventType}.{${idName}}`,
  description,
  servers: [{ $ref: '#/servers/nats' }],
  parameters: {
    partition: {
      enum: Array.from({ length: PARTITIONS }, (_, partition) => String(partition)),
      description: `Of the ${idName}, always the same: readers can share the work by it`,
    },
    eventType: { enum: [...new Set(sent.map(({ type }) => type))], location: '$message.payload#/type' },
    [idName]: { location: '$message.payload#/aggregateId' },
  },
  messages: Object.fromEntries(sent.map(({ name }) => [name, ref('messages', name)])),
});

const publishing = (channel: string, summary: string): object => ({
  action: 'send',
  channel: { $ref: `#/channels/${channel}` },
  summary,
});

function messageOf({ name, type, schemaVersion, aggregateType, version }: Message, example: unknown): object {
  const isOld = version.upcast !== undefined;
  return {
    name,
    title: `${type}, version ${schemaVersion}`,
    ...(version.data.description === undefined ? {} : { summary: version.data.description }),
    ...(isOld
      ? { tags: [{ name: 'deprecated', description: 'In the stream, and not written any more' }] }
      : {}),
    traits: [ref('messageTraits', 'event')],
    payload: {
      ...(isOld ? { deprecated: true } : {}),
      allOf: [ref('schemas', 'envelope'), specificsOf(type, schemaVersion, aggregateType, name)],
    },
    ...(example === undefined ? {} : { examples: [{ payload: example }] }),
  };
}

const specificsOf = (
  type: string,
  schemaVersion: number,
  aggregateType: AggregateType,
  name: string,
): JsonSchema => ({
  type: 'object',
  properties: {
    type: { const: type },
    schemaVersion: { const: schemaVersion },
    aggregateType: { const: aggregateType },
    data: ref('schemas', name),
  },
});
