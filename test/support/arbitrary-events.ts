import fc from 'fast-check';
import { releasedVersions } from '../../domain/events.ts';
import { jsonSchemaOf, type JsonSchema } from '../../dev/published-shapes.ts';

export interface WrittenEvent {
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: object;
}

/** By JSON type. */
const makers: Readonly<Record<string, (schema: JsonSchema) => fc.Arbitrary<unknown>>> = {
  object: ({ properties = {} }) => {
    const fields = Object.entries(properties).map(([name, one]) => [name, valueFor(one as JsonSchema)]);
    return fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
      noNullPrototype: true,
    });
  },
  array: ({ items }) => fc.array(valueFor(items as JsonSchema), { maxLength: 3 }),
  integer: ({ minimum = 1 }) => fc.integer({ min: minimum, max: Number.MAX_SAFE_INTEGER }),
  boolean: () => fc.boolean(),
  null: () => fc.constant(null),
  string: textFor,
};

/** Events of all types, each in any version that was ever released. */
export const anyEvent: fc.Arbitrary<WrittenEvent> = fc.oneof(
  ...[...releasedVersions.values()]
    .flat()
    .map(({ event }) => valueFor(jsonSchemaOf(event)) as fc.Arbitrary<WrittenEvent>),
);

/** What a schema takes, for as much of JSON Schema as events need. */
function valueFor(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((one) => valueFor(one)));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const make = makers[String(schema.type)];
  if (!make) throw new Error(`no values are made for ${JSON.stringify(schema)}`);
  return make(schema);
}

function textFor({ format, pattern }: JsonSchema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid({ version: 7 });
  if (format === 'date-time') {
    const earliest = new Date('2020-01-01T00:00:00Z');
    const latest = new Date('2099-12-31T00:00:00Z');
    return fc.date({ min: earliest, max: latest, noInvalidDate: true }).map((date) => date.toISOString());
  }
  return pattern === undefined ? fc.string() : fc.stringMatching(new RegExp(pattern));
}
