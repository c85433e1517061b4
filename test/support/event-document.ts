import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { projectRoot } from './project-root.ts';

interface Channel {
  readonly address: string;
  readonly parameters: Readonly<Record<string, { readonly enum?: readonly string[] }>>;
  readonly messages: Readonly<Record<string, unknown>>;
}

interface EventDocument {
  readonly channels: Readonly<Record<string, Channel>>;
  readonly components: {
    readonly messages: Readonly<Record<string, { readonly payload: { readonly deprecated?: boolean } }>>;
    readonly schemas: { readonly headers: { readonly properties: Readonly<Record<string, unknown>> } };
  };
}

/** docs/asyncapi.yaml, as another team reads it. */
export const eventDocument = parse(
  readFileSync(join(projectRoot, 'docs/asyncapi.yaml'), 'utf8'),
) as EventDocument;

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema(eventDocument, 'events');

/** A message as it came over the wire. */
export interface WireMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is wrong with a message, by the document; nothing when it is as the document says. */
export function driftOfMessage({ subject, headers, body }: WireMessage): string[] {
  const event = JSON.parse(body) as { type: string; schemaVersion: number };
  const name = `${event.type}.v${event.schemaVersion}`;
  const channels = Object.values(eventDocument.channels).filter((one) => patternOf(one).test(subject));
  const undocumented = Object.keys(headers).filter(
    (header) => !Object.hasOwn(eventDocument.components.schemas.headers.properties, header),
  );
  return [
    ...(channels.some(({ messages }) => Object.hasOwn(messages, name))
      ? []
      : [`no channel has ${name} at ${subject}`]),
    ...undocumented.map((header) => `the header ${header} is not in the document`),
    ...faultsBy('/components/schemas/headers', headers),
    ...driftOfEvent(event),
  ];
}

/** The same for the event alone. */
export function driftOfEvent(event: { readonly type: string; readonly schemaVersion: number }): string[] {
  const name = `${event.type}.v${event.schemaVersion}`;
  return Object.hasOwn(eventDocument.components.messages, name)
    ? faultsBy(`/components/messages/${name}/payload`, event)
    : [`${name} is not in the document`];
}

function faultsBy(pointer: string, value: unknown): string[] {
  const validate = ajv.getSchema(`events#${pointer}`) as ValidateFunction | undefined;
  if (!validate) throw new Error(`docs/asyncapi.yaml has nothing at ${pointer}`);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ''}`);
}

function patternOf({ address, parameters }: Channel): RegExp {
  const tokens = address
    .split('.')
    .map((token) => /^\{(\w+)\}$/.exec(token)?.[1] ?? token)
    .map((token) => (parameters[token] ? `(${parameters[token].enum?.join('|') ?? '[^.]+'})` : token));
  return new RegExp(`^${tokens.join('\\.')}$`);
}
